"""Strings that have broken pictures elsewhere, and one class and attribute name for each."""

from .models import Module, ReLU

NASTY = [
    "<b>bold</b>", "<script>alert(1)</script>", "a:b", "a:b:c", "ends in \\", "\\N", "\\G", "\\l\\r\\n", '"', "'",
    '"quoted"', "a -> b", "{record|field}", "&amp;", "&", "&#x3c;", "]]>", "-->", "<!--", "node", "new\nline",
    "tab\tstop", "nul\x00 bell\x07", "\ud800 half", "\ufffe", "\u2028", "日本語のモジュール", "é ñ ß", "x" * 500, "",
    " ", "%s {0}", "javascript:alert(1)", "<", ">",
]  # fmt: skip


def named(text):
    """A module class, and an attribute of it, with this name."""
    kind = type(text.replace("\x00", "").encode("utf-8", "ignore").decode() or "_", (Module,), {})
    kind.forward = lambda self, x: vars(self)[text](x)
    module = kind()
    setattr(module, text, Pair())
    return module


class Pair(Module):
    def __init__(self):
        self.a, self.b = ReLU(), ReLU()

    def forward(self, x):
        return self.b(self.a(x))
