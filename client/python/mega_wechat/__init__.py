"""Client of Mega-WeChat's broker: `Client` for threads, `AsyncClient` for asyncio. README.md of the package tells all.

    with Client("tcp://127.0.0.1:9502") as mega:
        result = mega.push("oABCD", "order", id="order-1-paid", vars={"item": "tea"})
"""
from .aio import AsyncClient
from .blocking import Client
from .curve import Curve
from .errors import InvalidRequest, MegaError, NoAnswer
from .request import Value
from .result import Result

__all__ = ["AsyncClient", "Client", "Curve", "InvalidRequest", "MegaError", "NoAnswer", "Result", "Value"]
