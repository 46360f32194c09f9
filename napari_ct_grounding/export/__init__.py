"""Take-away: what was found in a scan, in forms that leave the program."""
