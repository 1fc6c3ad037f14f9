"""What is done to every request before a route sees it: host names, the proxy's path prefix, HEAD."""

from fastapi.responses import JSONResponse
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from auto_train.api.access import api_keys
from auto_train.api.errors import TYPES
from auto_train.api.hosts import host_of, is_loopback, is_own_name
from auto_train.serving.service import Service


class OwnHosts:
    """Answer on loopback addresses only to the service's own host names, unless API keys guard it.

    A page of another site may point its name at 127.0.0.1 once it is open (DNS rebinding). Its requests then come from
    "the same origin"; the Host header alone tells that its name is not one of ours.

    Args:
        app: what is guarded.
        service: its ``host`` and ``allowed_hosts`` are allowed besides those of every loopback address.
    """

    def __init__(self, app: ASGIApp, service: Service):
        self.app, self.service = app, service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if foreign := self._foreign_name(scope):
            error = {
                "type": TYPES[421],
                "message": f"this service does not answer to the host name '{foreign[:100]}'",
                "hint": "ask for localhost or 127.0.0.1, add the name to [serve] allowed_hosts, or set API keys",
            }
            await JSONResponse({"error": error}, 421)(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _foreign_name(self, scope: Scope) -> str:
        """Return a host name that is asked for and is not the service's; "" where all is well."""
        server = scope.get("server")
        if scope["type"] != "http" or not server or not is_loopback(server[0]) or api_keys():
            return ""
        hosts = [self.service.host, *self.service.allowed_hosts]
        names = Headers(scope=scope).getlist("host")
        return next((name for name in names if name and not is_own_name(host_of(name), hosts)), "")


class Prefix:
    """Put a reverse proxy's path prefix in front of each path, whether the proxy has passed it on or removed it.

    Starlette expects it there and removes it again from what routes see; links and forms are written with it.

    Args:
        app: gets ``root_path`` and the whole path.
        root_path: the prefix, without a slash at its end; "" for none.
    """

    def __init__(self, app: ASGIApp, root_path: str):
        self.app, self.root_path = app, root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.root_path and scope["type"] == "http":
            path = scope["path"]
            is_whole = path == self.root_path or path.startswith(f"{self.root_path}/")
            # "/prefix" alone is the first page, "/prefix/"
            whole = path if is_whole and path != self.root_path else f"{self.root_path}/{'' if is_whole else path[1:]}"
            scope = {**scope, "root_path": self.root_path, "path": whole}
        await self.app(scope, receive, send)


class HeadAsGet:
    """Answer HEAD as GET, without the body.

    Args:
        app: has routes for GET.
    """

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return

        async def send_head(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        await self.app({**scope, "method": "GET"}, receive, send_head)
