"""What is in the program beside crates of its own: Rust's standard library, of which the compiler tells."""
import html
import pathlib
import re
import subprocess
import tempfile

RUST_LICENCE = "MIT OR Apache-2.0"
LIBSTDCXX_LICENCE = "GPL-3.0-or-later WITH GCC-exception-3.1"

# The notices that come with the compiler leave these crates out. None wants more than Apache's text with it.
UNTOLD = {
    "addr2line": "Apache-2.0 OR MIT",
    "adler2": "0BSD OR MIT OR Apache-2.0",
    "memchr": "Unlicense OR MIT",
    "miniz_oxide": "MIT OR Zlib OR Apache-2.0",
    "object": "Apache-2.0 OR MIT",
}
# Crates of Rust's own source: of its version, under its licence.
OWN = re.compile(r"alloc|core|std|std_detect|compiler_builtins|panic_\w+|unwind|rustc_std_workspace_\w+")


def told(*command):
    """What a command prints. One that fails says why itself."""
    done = subprocess.run(command, stdout=subprocess.PIPE, encoding="utf-8")
    if done.returncode != 0:
        raise SystemExit(f"failed: {' '.join(command)}")
    return done.stdout


def read(file):
    """The text of a file, whatever the words of this machine are written in."""
    return file.read_text(encoding="utf-8", errors="replace")


def compiler():
    """What rustc says of itself: release, commit-hash and so on."""
    lines = told("rustc", "--version", "--verbose").splitlines()
    return dict(line.split(": ", 1) for line in lines if ": " in line)


def linked_in():
    """The files of the standard library that every program is linked of."""
    with tempfile.TemporaryDirectory() as folder:
        empty = pathlib.Path(folder, "empty.rs")
        empty.write_text("fn main() {}\n")
        words = told("rustc", "--print", "link-args", "-o", f"{folder}/empty", str(empty))
    names = set(re.findall(r"/(lib\w+-[0-9a-f]+\.rlib)\b", words))
    folder = pathlib.Path(told("rustc", "--print", "target-libdir").strip())
    return [folder / name for name in sorted(names)]


def standard_crates():
    """The foreign crates in the standard library: [(name, version or None)] in order.

    A library names its source, with the version, in what it says when it panics; the one that cannot panic
    has none. The list of the library's source would tell that as well, but is seldom there.
    """
    found = []
    for file in linked_in():
        name = re.fullmatch(r"lib(\w+)-[0-9a-f]+", file.stem)[1]
        if OWN.fullmatch(name):
            continue
        # The registry's name may have dashes in it.
        pattern = f"/({name.replace('_', '[_-]')})-" + r"(\d+\.\d+\.\d+[0-9A-Za-z.+-]*)/"
        named = set(re.findall(pattern.encode(), file.read_bytes()))
        if len(named) > 1:
            raise SystemExit(f"parts: the standard library has several of {name}: {named}")
        found += [(each.decode(), version.decode()) for each, version in named] or [(name, None)]
    return sorted(found)


def notices():
    """The compiler's notices of its standard library: (of its own source, {"crate-version": (licence, texts)},
    {licence: text}); None where it brings none, or others, as a Linux distribution's may.
    """
    folder = pathlib.Path(told("rustc", "--print", "sysroot").strip(), "share/doc/rust")
    if not (folder / "COPYRIGHT-library.html").is_file():
        return None
    own, *crates = read(folder / "COPYRIGHT-library.html").split("<h3>")
    own = re.search(r'<h2 id="longer-version">.*(?=<h2 id="out-of-tree-dependencies">)', own, re.DOTALL)
    if not own or not crates:
        return None
    texts = {file.stem: read(file) for file in (folder / "licenses").glob("*.txt")}
    return plain(own[0]), dict(map(notice, crates)), texts


def notice(part):
    """("crate-version", (licence, texts of its files)) of the part of the page that begins with it."""
    name = re.search(r"\S+-\d+\.\d+\.\d+\S*(?=</h3>)", part)[0]
    licence = re.search(r"<b>License:</b>(.*?)</p>", part)[1].strip().replace("/", " OR ")
    return name, (licence, [plain(text) for text in re.findall(r"<pre>(.*?)</pre>", part, re.DOTALL)])


def plain(page):
    """The words of a page, and where its paragraphs end."""
    lines = [line.rstrip() for line in html.unescape(re.sub(r"<[^>]*>", "", page)).strip("\n").splitlines()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines))


def standard_licence(name, version, its_notices):
    """The licence of a crate in the standard library, or None if nothing tells it."""
    of_crates = its_notices[1] if its_notices else {}
    return of_crates.get(f"{name}-{version}", (UNTOLD.get(name), []))[0]
