"""What can go wrong with a whole check, as a small tree.

    ControllerError
    ├── EngineError              the engine could not be asked
    │   ├── EngineRefused        nobody listens at its socket (perhaps for good, see main.py)
    │   └── ImplausibleListing   it answered, but the answer can't be the truth
    ├── SsaError            no usable answer from the SSA
    │   ├── SsaNotReady          it has no snapshot yet, and says why
    │   ├── ForeignSnapshot      a good answer about another engine
    │   └── ReportRefused        the SSA can't use this report, now or later
    └── ContainerError           one container could not be handled; becomes an outcome, never ends a check
        └── SourceMissing        what it mounts from the host is gone

Every message is a sentence for people: what happened, and where it helps, what to do.
"""


class ControllerError(Exception):
    """Base of all errors that are foreseen; anything else is a bug and is logged with its traceback."""


class EngineError(ControllerError):
    """The engine could not be asked: this check ends without an action."""


class EngineRefused(EngineError):
    """Nobody listens at the engine's socket."""


class ImplausibleListing(EngineError):
    """The engine's list of containers can't be the truth: this check ends without an action."""


class SsaError(ControllerError):
    """The SSA gave no usable snapshot: the one already held, if any, stays in force."""


class SsaNotReady(SsaError):
    """The SSA is at work on its snapshot, as its answer says: it is only to be waited for."""


class ForeignSnapshot(SsaError):
    """The SSA watches another engine than this controller."""


class ReportRefused(SsaError):
    """The SSA can't use this report and never will: it is not sent again."""


class ContainerError(ControllerError):
    """The engine refused to do one thing with one container."""


class SourceMissing(ContainerError):
    """The source of a bind mount is gone: tried again as what may be back by itself, unlike other refusals."""
