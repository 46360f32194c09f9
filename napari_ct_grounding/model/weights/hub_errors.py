"""What can go wrong with a download, in words: one `WeightsError` for each, with what to do."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
from huggingface_hub import constants
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

from napari_ct_grounding.core.errors import WeightsError

__all__ = ["PASSING_STATUS", "plain_errors"]

#: Answers that may be another one next time.
PASSING_STATUS = (408, 429, 500, 502, 503, 504)


@contextmanager
def plain_errors(repository: str) -> Iterator[None]:
    """Turn whatever a download may raise into one `WeightsError` that says what to do."""
    try:
        yield
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as error:
        if isinstance(error, WeightsError):
            raise
        raise WeightsError(f"{repository} could not be downloaded: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """What went wrong and what to do, in words."""
    hub, kept = constants.ENDPOINT, "What has arrived is kept."
    if isinstance(error, OfflineModeIsEnabled):
        return (
            "HF_HUB_OFFLINE is set, so the network is not asked. Unset it, or copy the weights from another machine and "
            "give their folder."
        )
    if isinstance(error, HfHubHTTPError):
        return f"{_status_reason(error)} {kept}"
    if isinstance(error, httpx2.ProxyError):
        return f"the proxy refuses ({error}). Check HTTPS_PROXY, HTTP_PROXY and NO_PROXY. {kept}"
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return (
            f"the certificate of {hub} is not trusted here; some institutions open encrypted traffic with one of their own. "
            f"Name its file in SSL_CERT_FILE. {kept}"
        )
    if isinstance(error, httpx2.TransportError):
        return (
            f"{hub} cannot be reached, or the connection broke ({type(error).__name__}). Check the network, HTTPS_PROXY and "
            f"HF_ENDPOINT, and try again. {kept}"
        )
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk is full. Free some space, or name a folder on another disk in HF_HOME. {kept}"
    if isinstance(error, PermissionError) or (isinstance(error, OSError) and error.errno == errno.EROFS):
        return (
            f"the folder {constants.HF_HUB_CACHE!r} cannot be written ({error.strerror}). Name another one in HF_HOME."
        )
    if isinstance(error, OSError):
        return f"a file could not be written ({error.strerror or error}). Check the disk and try again. {kept}"
    return f"{hub} does not answer as a hub does. Check HF_ENDPOINT and the proxy (a login page may stand between)."


def _status_reason(error: HfHubHTTPError) -> str:
    """What an HTTP status means here."""
    status, code = error.response.status_code, error.response.headers.get("x-error-code", "")
    hub = constants.ENDPOINT
    if status == 403 or code == "GatedRepo":
        return (
            f"{hub} refuses ({status}): its terms must be accepted on its page with an account, whose token then goes into "
            "HF_TOKEN; or the token there lacks the right."
        )
    if status == 401:
        return (
            f"{hub} asks who you are (401), or holds no such repository. Put a valid token into HF_TOKEN, or unset it."
        )
    if status == 404:
        return f"{hub} does not hold it (404). Check HF_ENDPOINT; a mirror may lack it."
    if status in PASSING_STATUS:
        return f"{hub} is overloaded or out of order ({status}). Try again later."
    return f"{hub} answers with status {status}. Try again later."
