"""One page that holds the picture and the text tree; it loads nothing and runs nothing."""

from __future__ import annotations

from .svg import xml_escape

_STYLE = """body{font-family:Helvetica,Arial,sans-serif;margin:1.5rem;color:#111;background:#fff}
svg{display:block;margin:1rem 0}pre{overflow-x:auto;line-height:1.4}
@media (prefers-color-scheme:dark){body{color:#e6e6e6;background:#1c1e22}}"""


def html(picture: str, tree: str, title: str) -> str:
    """A complete HTML document."""
    name = xml_escape(title)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>{name}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>{name}</h1>
{picture}<details><summary>The same as text</summary>
<pre>{xml_escape(tree)}</pre>
</details>
</body>
</html>
"""
