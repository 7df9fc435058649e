"""Everything that can go wrong here and is not a bug.

    StatusStateError
    ├── EngineUnavailable     temporary: the engine can't be asked
    ├── LogUnreadable         permanent: the engine has no log of this container's to give
    ├── StoreUnavailable      temporary: the store can't be read or written
    ├── StoreUnusable         permanent: the store holds what this version must not touch
    ├── SettingsUnusable      permanent: a setting says what can't be done
    ├── PolicyUnusable        permanent, until it is corrected: the policy file can't be read, or is none
    └── TokenUnusable         permanent: the token file can't be read or made

Each one carries its cause and its remedy as sentences for people; `str()` gives both.
"""


class StatusStateError(Exception):
    """Something that is reported to people as a cause and a remedy, never as a traceback."""

    def __init__(self, cause: str, remedy: str) -> None:
        super().__init__(f"{cause}. {remedy}.")
        self.cause = cause
        self.remedy = remedy


class EngineUnavailable(StatusStateError):
    """The engine can't be asked now; asking again later is right.

    `refused` tells that nobody listens at its address (refused, or no socket there): a state that a mounted socket
    keeps for ever once the engine behind it has been replaced, unlike all the others.
    """

    def __init__(self, cause: str, remedy: str, *, refused: bool = False) -> None:
        super().__init__(cause, remedy)
        self.refused = refused


class LogUnreadable(StatusStateError):
    """The engine answers, but gives no log of this container: its log driver keeps none that can be read."""


class PolicyUnusable(StatusStateError):
    """The policy file can't be read, or something in it is wrong."""


class StoreUnavailable(StatusStateError):
    """The store can't be read or written now; trying again later is right."""


class StoreUnusable(StatusStateError):
    """The store can be read, but not by this version, or not at all: trying again changes nothing."""


class SettingsUnusable(StatusStateError):
    """One or more settings can't be used; `problems` has one sentence for each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("the settings can't be used: " + " ".join(problems), "Correct them and start again")
        self.problems = problems


class TokenUnusable(StatusStateError):
    """There is no usable token, and none can be made."""
