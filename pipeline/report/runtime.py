"""Bundles the script that draws the charts in a browser.

Nothing is downloaded: the package `vl-convert-python` contains Vega, and its bundle is put into the page.
"""

from __future__ import annotations

from functools import cache

import vl_convert

from pipeline import process

_LEAST_MEMORY_MB = 160
_LEAST_FILES = 12


@cache
def bundle() -> str:
    """Return the script that offers `vegaEmbed`. Bundling takes seconds, so a process does it once."""
    # Its library ends the process, or writes a traceback of its own, where it has too little.
    process.check_memory(_LEAST_MEMORY_MB)
    process.check_files(_LEAST_FILES)
    script = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    # A page ends its lines with a line feed, and the policy knows the script by its hash.
    script = str(script).replace("\r\n", "\n").replace("\r", "\n")
    return script.replace("</script", "<\\/script").replace("<!--", "<\\!--")
