"""connect_proxy.py ADDRESS PORT - an HTTP proxy that knows CONNECT and nothing else."""
import asyncio
import sys


async def pump(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def serve(reader, writer):
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        verb, target, _ = head.split(b"\r\n")[0].decode().split(" ")
        host, _, port = target.rpartition(":")
        if verb != "CONNECT":
            raise ValueError(verb)
        far = await asyncio.open_connection(host.strip("[]"), int(port))
        print("CONNECT", target, flush=True)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(pump(reader, far[1]), pump(far[0], writer))
    except (OSError, ValueError, asyncio.IncompleteReadError):
        writer.close()


async def main():
    server = await asyncio.start_server(serve, sys.argv[1], int(sys.argv[2]))
    await server.serve_forever()


asyncio.run(main())
