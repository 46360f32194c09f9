"""From figures to what people look at: one JSON per task, a Markdown table with published numbers beside, plots, comparisons."""
