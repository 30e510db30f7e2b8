"""A mail server for tests: aiosmtpd, which takes mails and misbehaves by the part of the address before the @.

Prints its port, then each mail that it took as a line of JSON.
"""
import argparse
import asyncio
import base64
import json
import ssl

from aiosmtpd.smtp import SMTP, AuthResult

parser = argparse.ArgumentParser()
parser.add_argument("--tls", choices=["none", "starttls", "implicit"], default="none")
parser.add_argument("--cert")
parser.add_argument("--key")
parser.add_argument("--user")
parser.add_argument("--password")
parser.add_argument("--without", action="append", default=[], help="a mechanism of AUTH that is not offered")
parser.add_argument("--ascii", action="store_true", help="no SMTPUTF8")
given = parser.parse_args()

# What is said of a recipient, with the address in it as servers have it.
SAID = {
    "gone": "550 5.1.1 <{address}>: Recipient address rejected: User unknown",
    "bare": "550 no mailbox {address} here",
    "full": "552 5.2.2 <{address}> is over quota",
    "relay": "554 5.7.1 <{address}>: Relay access denied",
    "later": "451 4.7.1 <{address}>: greylisted, come back",
    "full-now": "452 4.2.2 <{address}> is over quota just now",
    "long": "250 " + "x" * 100_000 + " {address}",
    "odd": "299 what of {address}?",
}


def say(line):
    print(line, flush=True)


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        local = address.rsplit("@", 1)[0]
        if local in SAID:
            return SAID[local].format(address=address)
        if local == "slow":
            await asyncio.sleep(600)
        if local == "drip":
            for byte in b"250-" + b"x" * 600:
                server.transport.write(bytes([byte]))
                await asyncio.sleep(0.02)
        if local == "endless":
            while not server.transport.is_closing():
                server.transport.write(b"250-more of it\r\n" * 100)
                await asyncio.sleep(0.001)
        if local == "drop":
            server.transport.abort()
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server, session, envelope):
        local = envelope.rcpt_tos[0].rsplit("@", 1)[0]
        if local == "spam":
            return "554 5.7.1 <" + envelope.rcpt_tos[0] + "> does not want this"
        if local == "gone-late":
            return "550 5.1.1 <" + envelope.rcpt_tos[0] + "> unknown after all"
        if local == "later-late":
            return "451 4.3.0 try again"
        mail = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "options": envelope.mail_options,
            "host": session.host_name,
            "tls": session.ssl is not None or given.tls == "implicit",
            "login": bool(session.authenticated),
            "data": base64.b64encode(envelope.original_content).decode(),
        }
        say(json.dumps(mail))
        if local == "lost":
            server.transport.abort()
        if local == "thinks":
            await asyncio.sleep(600)
        return "250 2.0.0 OK: queued"


def authenticate(server, session, envelope, mechanism, data):
    good = data.login == given.user.encode() and data.password == given.password.encode()
    return AuthResult(success=good, handled=False)


def context():
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    made.load_cert_chain(given.cert, given.key)
    return made


def smtp():
    options = {"enable_SMTPUTF8": not given.ascii, "auth_exclude_mechanism": given.without}
    if given.user:
        options |= {"authenticator": authenticate, "auth_required": True}
        options["auth_require_tls"] = given.tls == "starttls"
    if given.tls == "starttls":
        options |= {"tls_context": context(), "require_starttls": True}
    return SMTP(Handler(), loop=asyncio.get_running_loop(), **options)


async def main():
    loop = asyncio.get_running_loop()
    outer = context() if given.tls == "implicit" else None
    server = await loop.create_server(smtp, "127.0.0.1", 0, ssl=outer)
    say(server.sockets[0].getsockname()[1])
    await server.serve_forever()


asyncio.run(main())
