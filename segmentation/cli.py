"""The command line: ``python -m segmentation train | evaluate | predict``.

Exit codes: 0 done; 1 training failed (the loss is no number); 2 the request cannot be carried out (one line says why
and what to do); 130 stopped by Ctrl-C, with everything saved.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from . import commands
from .config import CLASS_WEIGHTS, DIGITS_DEFAULTS, FOLDER_DEFAULTS, LEARNING_RATES, OPTIMIZERS, SCHEDULES, Config
from .errors import DataError, TrainingError, UsageError
from .interrupt import EXIT_CODE
from .models import MODELS

DESCRIPTION = "Train segmentation networks on your own pictures, judge them, and use them. No download, no GPU needed."

EXAMPLES = """\
examples:
  python -m segmentation train digits --model unet --epochs 6 --out runs/digits
  python -m segmentation train my_data --model fcn8s --size 128x128 --out runs/mine
  python -m segmentation train --resume --out runs/mine        go on after Ctrl-C or a power cut
  python -m segmentation evaluate runs/mine my_test_data
  python -m segmentation predict runs/mine holiday_photos --out masks

Each command has its own help: python -m segmentation train --help
"""

TRAIN_HELP = """\
Train a network and keep everything about it in the folder RUN:

  config.json        all settings, classes, versions
  metrics.jsonl      a line of scores per epoch
  best.safetensors   the checkpoint of the epoch with the best validation score
  last.safetensors   the newest checkpoint; --resume goes on from it, bit for bit
  report.html        curves, scores per class, best and worst pictures, the network's graph

DATA is "digits" (scenes of real handwritten digits, which come with the program) or a folder:

  my_data/images/a.png b.png ...    pictures (png jpg bmp tif)
  my_data/masks/a.png b.png ...     masks of the same names: class numbers 0, 1, 2 ...; 0 and 255; or 1 bit
  my_data/classes.txt               optional: a class a line, "name" or "name red green blue" for RGB masks

or a folder with train/ and val/, each laid out like that. Without them --val-fraction of the pictures is held out.
Ctrl-C finishes the step, saves, writes the report and prints the command that goes on.
"""

TRAIN_EXAMPLES = """\
examples:
  python -m segmentation train digits --epochs 6 --out runs/digits
  python -m segmentation train digits --scenes 256 --epochs 1 --out runs/quick
  python -m segmentation train cells --epochs 15 --base 16 --batch-size 8 --out runs/cells
  python -m segmentation train --resume --out runs/cells
"""

EVALUATE_HELP = """\
Judge a trained network on labelled data. All scores are on the level of the data set: the pixels of all pictures
are counted together.

Given the data it was trained on (the same images of the same names), only the held-out part is judged; given other
data, all of it (--split decides otherwise).
"""

PREDICT_HELP = """\
Segment a picture or a folder of pictures, of any size.

Into DIR go NAME.png, a palette picture whose values are the class numbers, and NAME_overlay.png, the classes painted
over the picture.
Large pictures are cut into overlapping tiles, so memory stays bounded.
"""


class _Parser(argparse.ArgumentParser):
    """argparse, with our form of error: one line that begins with the program's name."""

    def error(self, message: str) -> Any:
        self.exit(2, f"segmentation: error: {message} (see {self.prog} --help)\n")


def parse_size(text: str) -> tuple[int, int]:
    """``"96x128"`` as (96, 128); ``"96"`` as (96, 96)."""
    sides = text.lower().split("x")
    if len(sides) not in (1, 2) or not all(side.isascii() and side.isdigit() and int(side) > 0 for side in sides):
        raise argparse.ArgumentTypeError(f"{text!r} is no size: write HEIGHTxWIDTH, as 96x128")
    return int(sides[0]), int(sides[-1])


def parser() -> argparse.ArgumentParser:
    """The command line as argparse sees it."""
    top = _Parser(
        prog="python -m segmentation",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="train | evaluate | predict")
    _add_train(commands)
    _add_evaluate(commands)
    _add_predict(commands)
    return top


def _command(commands: Any, name: str, summary: str, description: str, epilog: str = "") -> argparse.ArgumentParser:
    return commands.add_parser(
        name, help=summary, description=description, epilog=epilog, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def _add_output(p: argparse.ArgumentParser) -> None:
    p.add_argument(
        "--json", action="store_true", help="results as JSON lines on stdout (lines for people go to stderr)"
    )
    p.add_argument("--quiet", action="store_true", help="no progress and no lines for people")
    p.add_argument(
        "--threads", type=int, metavar="N", help="processor threads (default: all; the results are the same bits)"
    )


def _add_train(commands: Any) -> None:
    p = _command(commands, "train", "train a network", TRAIN_HELP, TRAIN_EXAMPLES)
    p.add_argument(
        "data",
        nargs="?",
        metavar="DATA",
        default=argparse.SUPPRESS,
        help='"digits" or a folder; may be left out with --resume',
    )
    p.add_argument("--out", required=True, metavar="RUN", help="folder of the run")
    p.add_argument("--resume", action="store_true", help="go on with the run in RUN; settings come from there")
    p.add_argument("--overwrite", action="store_true", help="replace the run in RUN")
    p.add_argument("--stop-after", type=int, metavar="N", help="stop after epoch N of --epochs, to be resumed later")
    _add_output(p)
    s = p.add_argument_group("settings (saved with the run)")
    digits, folder = DIGITS_DEFAULTS, FOLDER_DEFAULTS

    def setting(option: str, metavar: str, text: str, **options: Any) -> None:
        # no default: what was typed must be told from what was not, for --resume
        s.add_argument(f"--{option}", metavar=metavar, default=argparse.SUPPRESS, help=text, **options)

    def defaults(name: str) -> str:
        return f"(default: {folder[name]}; digits: {digits[name]})"

    listed = "; ".join(f"{name}: {entry.about}" for name, entry in MODELS.items())
    depths = ", ".join(f"{name} {entry.depth}" for name, entry in MODELS.items())
    rates = ", ".join(f"{name} {rate:g}" for name, rate in LEARNING_RATES.items())
    setting("model", "NAME", f"{listed} (default: {Config.model})")
    setting("epochs", "N", f"times the training pictures are seen {defaults('epochs')}", type=int)
    setting("base", "C", f"channels of the first level (default: {Config.base})", type=int)
    setting("depth", "D", f"how often the size is halved (default: {depths})", type=int)
    setting("batch-size", "N", f"pictures per step {defaults('batch_size')}", type=int)
    setting("optimizer", "NAME", f"{', '.join(OPTIMIZERS)} (default: {Config.optimizer})")
    setting("lr", "X", f"learning rate (default: {rates})", type=float)
    setting("momentum", "X", f"of sgd (default: {Config.momentum})", type=float)
    setting("weight-decay", "X", f"(default: {Config.weight_decay:g})", type=float)
    setting("schedule", "NAME", f"of the learning rate: {', '.join(SCHEDULES)} (default: {Config.schedule})")
    weights = f"of the loss: {', '.join(CLASS_WEIGHTS)}; sqrt is 1/sqrt(share of the pixels) "
    setting("class-weights", "NAME", weights + defaults("class_weights"))
    setting("seed", "N", f"of weights, order, augmentation and division (default: {Config.seed})", type=int)
    setting("size", "HxW", "resize the pictures of a folder (default: as they are)", type=parse_size)
    s.add_argument(
        "--augment",
        action=argparse.BooleanOptionalAction,
        default=argparse.SUPPRESS,
        help="flips, quarter turns, colour (default: for folders; not for digits, a mirrored 2 is no 2)",
    )
    setting("val-fraction", "X", f"share of a folder that is held out (default: {Config.val_fraction})", type=float)
    setting("scenes", "N", f"number of training scenes, only for digits (default: {digits['scenes']})", type=int)


def _add_evaluate(commands: Any) -> None:
    p = _command(commands, "evaluate", "judge a trained network", EVALUATE_HELP)
    p.add_argument("run", metavar="RUN", help="folder of a run (its best checkpoint), or a .safetensors checkpoint")
    p.add_argument("data", metavar="DATA", help='"digits" or a folder')
    p.add_argument(
        "--split", choices=("auto", "train", "val", "all"), default="auto", help="the part to judge (default: auto)"
    )
    p.add_argument(
        "--batch-size",
        type=int,
        metavar="N",
        default=FOLDER_DEFAULTS["batch_size"],
        help="pictures at a time (default: 8)",
    )
    _add_output(p)


def _add_predict(commands: Any) -> None:
    p = _command(commands, "predict", "segment pictures", PREDICT_HELP)
    p.add_argument("run", metavar="RUN", help="folder of a run (its best checkpoint), or a .safetensors checkpoint")
    p.add_argument("images", metavar="IMAGES", help="a picture or a folder of pictures")
    p.add_argument("--out", required=True, metavar="DIR", help="folder for masks and overlays")
    p.add_argument("--no-overlay", action="store_true", help="masks only")
    p.add_argument(
        "--tile", type=int, metavar="N", default=512, help="side of the tiles of large pictures (default: 512)"
    )
    p.add_argument(
        "--native", action="store_true", help="keep the pictures' own size even if the network was trained with --size"
    )
    p.add_argument("--overwrite", action="store_true", help="replace masks that exist")
    _add_output(p)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code."""
    arguments = parser().parse_args(argv)
    try:
        return getattr(commands, arguments.command)(arguments)
    except (UsageError, DataError) as error:
        return _fail(error, 2)
    except TrainingError as error:
        return _fail(error, 1)
    except KeyboardInterrupt:
        print("segmentation: interrupted; files written so far are whole", file=sys.stderr)
        return EXIT_CODE
    except BrokenPipeError:  # the reader of our output (head, less) has gone
        sys.stderr.close()
        return EXIT_CODE
    except MemoryError as error:
        detail = f" ({error})" if str(error) else ""
        return _fail(UsageError(f"out of memory{detail}: try a smaller --batch-size, --base, --size or --tile"), 2)


def _fail(error: Exception, code: int) -> int:
    print(f"segmentation: error: {' '.join(str(error).split())}", file=sys.stderr)
    return code
