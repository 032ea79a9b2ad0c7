"""Bundles the script that draws the charts in a browser.

Nothing is downloaded: the package `vl-convert-python` contains Vega, and its bundle is put into the page.
"""

from __future__ import annotations

from functools import cache

import vl_convert


@cache
def bundle() -> str:
    """Return the script that offers `vegaEmbed`. Bundling takes seconds, so a process does it once."""
    script = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    # A page ends its lines with a line feed, and the policy knows the script by its hash.
    script = str(script).replace("\r\n", "\n").replace("\r", "\n")
    return script.replace("</script", "<\\/script").replace("<!--", "<\\!--")
