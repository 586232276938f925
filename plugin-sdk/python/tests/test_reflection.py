import grpc
import pytest
from fake_host import in_loop

from outrider_plugin import scorer, start

plain = scorer("plain")(lambda call: [1.0] * len(call))


class TestReflection:
    @in_loop
    async def test_describes_the_contract_where_it_is_installed(self):
        reflection = pytest.importorskip("grpc_reflection.v1alpha.reflection_pb2")
        plugin = await start(plain, address="127.0.0.1:0")
        async with grpc.aio.insecure_channel(f"127.0.0.1:{plugin.port}") as channel:
            ask = channel.stream_stream(
                "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
                request_serializer=reflection.ServerReflectionRequest.SerializeToString,
                response_deserializer=reflection.ServerReflectionResponse.FromString,
            )()
            await ask.write(reflection.ServerReflectionRequest(list_services=""))
            services = {it.name for it in (await ask.read()).list_services_response.service}
            assert "outrider.scorer.v1.ScorerService" in services
            symbol = "outrider.scorer.v1.ScorerService"
            await ask.write(reflection.ServerReflectionRequest(file_containing_symbol=symbol))
            assert (await ask.read()).file_descriptor_response.file_descriptor_proto
            await ask.done_writing()
        await plugin.stop()
