"""The one error an owner can do something about, and the exit codes scripts may rely on."""

EXIT_OK = 0
EXIT_NO = 1
EXIT_USAGE = 2
EXIT_CONFIG = 78  # EX_CONFIG of sysexits.h: systemd must not restart into it


class UserError(Exception):
    """Something the owner can fix: one message that says what was found, where, and what to do."""

    exit_code = EXIT_NO


class ConfigError(UserError):
    """The configuration cannot be used; the message lists every mistake, one a line."""

    exit_code = EXIT_CONFIG
