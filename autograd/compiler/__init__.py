"""The graph compiler: a function is recorded once for each form of its arguments, and replayed afterwards.

``trace`` writes down the ops of a call, ``gradient`` those of its backward pass; ``recording`` makes both ready to run,
``replay`` as straight Python; ``compiled`` chooses the recording for a call, or says why there is none.
"""

from .compiled import Compiled, compile

__all__ = ["Compiled", "compile"]
