"""Write docs/speed.md: run the scripts that compare the measuring with its peers, one after the other.

    pip install torch-fidelity pytorch-fid clean-fid torchmetrics prdc
    ganbench weights fetch inception-trunk
    python benchmarks/speed/page.py [--only extractors,metrics,evaluation]

About 40 minutes on two CPU cores; nothing else should run meanwhile. A section that is not run again is kept.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parent.parent / "docs" / "speed.md"
HEAD = """\
# Speed

How fast ganbench measures, beside the libraries that people use today, as installed from the package index: the same
images, the same machine, the same run. All contestants take turns, and a ratio is taken round by round; the figures are
the median and, in brackets, the range of the rounds. Made by

    python benchmarks/speed/page.py
"""
SECTIONS = {
    "extractors": (
        "Extractors: images per second",
        "Features are torch-fidelity's but for float32's last digits (last column). Batch norms folded into "
        "the convolutions and channels-last tensors make the difference.",
        ["extractors.py"],
    ),
    "metrics": (
        "Metrics, once the features are there",
        "FID goes through one symmetric eigenproblem, or through the singular values of a small Gram matrix where "
        "there are fewer images than dimensions. The row with the standard error is what ganbench always shows; the "
        "value alone is what the others give.",
        ["metrics.py", "--rounds", "3"],
    ),
    "evaluation": (
        "All metrics together, beside the forward pass",
        "FID, KID, IS, precision, recall, density, coverage and nearest neighbours with their intervals, on 10,000 "
        "images, against the time of the Inception's forward pass on these images alone.",
        ["evaluation.py", "--rounds", "1"],
    ),
}


def run_section(name: str) -> str:
    title, text, command = SECTIONS[name]
    print(f"{name} ...", flush=True)
    done = subprocess.run(
        [sys.executable, str(HERE / command[0]), *command[1:]], check=True, text=True, stdout=subprocess.PIPE
    )
    print(done.stdout, flush=True)
    call = f"`python benchmarks/speed/{' '.join(command)}`"
    return f"## {title}\n\n{text}\n\n{call}\n\n{done.stdout.strip()}\n"


def stored_sections() -> dict[str, str]:
    """The sections of the page as it stands, by name."""
    text = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    titles = {title: name for name, (title, _, _) in SECTIONS.items()}
    parts = re.split(r"^(?=## )", text, flags=re.MULTILINE)[1:]
    return {titles[part.splitlines()[0][3:]]: part for part in parts if part.splitlines()[0][3:] in titles}


def main() -> None:
    """Run the chosen sections and write the page after each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(SECTIONS))
    chosen = parser.parse_args().only.split(",")
    sections = stored_sections()
    for name in chosen:
        sections[name] = run_section(name)
        kept = [sections[known].rstrip() for known in SECTIONS if known in sections]
        PAGE.write_text("\n\n".join([HEAD.rstrip(), *kept]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
