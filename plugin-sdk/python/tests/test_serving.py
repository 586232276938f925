import asyncio
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time

import grpc
import pytest
from fake_host import Host, in_loop

from outrider_plugin import Tls, scorer, serve, start
from outrider_plugin._messages import HealthCheckRequest, HealthCheckResponse

plain = scorer("plain")(lambda call: [1.0] * len(call))

MAIN = """
import asyncio
import os
from outrider_plugin import scorer, serve
@scorer("slow")
async def slow(call):
    open(os.environ["OUTRIDER_PLUGIN_SOCKET"] + ".asked", "w").close()
    await asyncio.sleep(0.3)
    return [1.0] * len(call)
serve(slow)
"""


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory(prefix="outrider-") as made:
        yield made


def spawn(path, token="secret"):
    env = {**os.environ, "OUTRIDER_PLUGIN_SOCKET": path, "OUTRIDER_PLUGIN_TOKEN": token}
    return subprocess.Popen([sys.executable, "-c", MAIN], stdin=subprocess.PIPE, env=env)


def wait_for_socket(path, child):
    end_at = time.monotonic() + 20
    while time.monotonic() < end_at and child.poll() is None:
        with socket.socket(socket.AF_UNIX) as knocker:
            try:
                knocker.connect(path)
                return
            except OSError:
                time.sleep(0.02)
    raise AssertionError(f"nobody listens; the child ended with {child.poll()}")


async def configured(channel):
    host = Host(channel)
    await host.greet()
    await host.configure({"type": "slow"})
    await host.state()
    return host


def test_without_a_place_to_listen_says_what_is_missing(monkeypatch):
    for name in ("OUTRIDER_PLUGIN_SOCKET", "PORT"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ValueError, match="set OUTRIDER_PLUGIN_SOCKET"):
        serve(plain)


@in_loop
async def test_a_port_that_is_taken_is_an_error():
    first = await start(plain, address="127.0.0.1:0")
    with pytest.raises(RuntimeError, match="bind"):
        await start(plain, address=f"127.0.0.1:{first.port}")
    await first.stop()


@pytest.mark.parametrize("ending", ["sigterm", "end of input"])
@in_loop
async def test_a_process_finishes_its_calls_and_ends(folder, ending):
    path = os.path.join(folder, "plugin.sock")
    with spawn(path) as child:
        try:
            wait_for_socket(path, child)
            assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
            async with grpc.aio.insecure_channel(f"unix:{path}") as channel:
                host = await configured(channel)
                await host.put({})
                while not os.path.exists(f"{path}.asked"):
                    await asyncio.sleep(0.01)
                if ending == "sigterm":
                    child.send_signal(signal.SIGTERM)
                else:
                    child.stdin.close()
                assert list((await host.answers(1))[1].scores) == [1.0, 1.0]
                assert (await host.status())[0] is grpc.StatusCode.UNAVAILABLE
            assert child.wait(10) == 0
        finally:
            child.kill()


@in_loop
async def test_a_socket_that_was_left_behind_is_taken_over(folder):
    path = os.path.join(folder, "plugin.sock")
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(path)
    plugin = await start(plain, address=f"unix:{path}")
    async with grpc.aio.insecure_channel(f"unix:{path}") as channel:
        assert (await Host(channel).greet()).plugin == "plain"
    await plugin.stop()


@in_loop
async def test_health_is_answered_without_the_token():
    plugin = await start(plain, address="127.0.0.1:0", token="secret")
    async with grpc.aio.insecure_channel(f"127.0.0.1:{plugin.port}") as channel:
        check = channel.unary_unary("/grpc.health.v1.Health/Check")
        for service in ("", "outrider.scorer.v1.ScorerService"):
            answer = await check(HealthCheckRequest(service=service).SerializeToString())
            assert HealthCheckResponse.FromString(answer).status == 1
        with pytest.raises(grpc.aio.AioRpcError, match="no service other"):
            await check(HealthCheckRequest(service="other").SerializeToString())
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await channel.unary_unary("/outrider.scorer.v1.ScorerService/Score")(b"")
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
    await plugin.stop()


@pytest.fixture
def certificate(folder):
    files = Tls(os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem"), os.path.join(folder, "cert.pem"))
    renew(files)
    return files


def renew(files):
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"]
        + ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
        + ["-keyout", files.key, "-out", files.certificate],
        check=True,
        capture_output=True,
    )


def trusting(files):
    with open(files.certificate, "rb") as cert, open(files.key, "rb") as key:
        chain = cert.read()
        return grpc.ssl_channel_credentials(chain, key.read(), chain)


@in_loop
async def test_tls_asks_for_the_certificate_of_the_host_and_reads_its_files_anew(certificate):
    plugin = await start(plain, address="localhost:0", tls=certificate)
    target = f"localhost:{plugin.port}"
    for _ in range(2):
        async with grpc.aio.secure_channel(target, trusting(certificate)) as channel:
            assert (await Host(channel).greet()).plugin == "plain"
        renew(certificate)
    with open(certificate.certificate, "rb") as file:
        stranger = grpc.ssl_channel_credentials(file.read())
    async with grpc.aio.secure_channel(target, stranger) as channel:
        assert (await Host(channel).status())[0] is grpc.StatusCode.UNAVAILABLE
    await plugin.stop()
