"""An interrupt (Ctrl-C) before a command has begun, or after it is done, ends the process without a traceback.

While a command runs an interrupt is a KeyboardInterrupt, as ever: what runs can tidy up, and say what was kept.
This module needs nothing that the interpreter has not loaded yet, so that it is there at once.
"""

import os

INTERRUPTED = 130


def leave(*_: object) -> None:
    """End the process at once, with one line and the status of an interrupt."""
    os.write(2, b"interrupted\n")
    os._exit(INTERRUPTED)


def end_the_process() -> None:
    """From here on an interrupt ends the process at once."""
    import signal

    # A process in the background may be deaf to interrupts: it stays so.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, leave)


def end_the_command() -> None:
    """From here on an interrupt is a KeyboardInterrupt again."""
    import signal

    if signal.getsignal(signal.SIGINT) is leave:
        signal.signal(signal.SIGINT, signal.default_int_handler)
