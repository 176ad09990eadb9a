"""The tool server itself: two tools over standard input and output, by the protocol's official Python SDK."""

from __future__ import annotations

from typing import Annotated, Final

from mcp.server.mcpserver import MCPServer
from mcp.types import CallToolResult, TextContent, ToolAnnotations
from pydantic import Field

from consentmgr.assistant import answering
from consentmgr.assistant.answering import MayContact, MintedLinks
from consentmgr.client import AsyncClient

INSTRUCTIONS: Final = (
    "Ask may_contact before you suggest, write or send anything to a person, for each person and each message. Only"
    " may_contact: true means yes; every other answer, a failure too, means do not contact. The answer holds for this"
    " moment alone."
)
#: Neither tool changes anything.
_READS: Final = ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)


def tool_server(register: AsyncClient) -> MCPServer:
    """The server, whose tools ask ``register``."""
    server = MCPServer("consentmgr", instructions=INSTRUCTIONS, log_level="WARNING")

    @server.tool(title="May this person be contacted?", annotations=_READS)
    async def may_contact(
        email: Annotated[str | None, Field(description="The person's e-mail address.")] = None,
        phone: Annotated[str | None, Field(description="The person's phone number.")] = None,
        ref: Annotated[str | None, Field(description="What the register calls the person.")] = None,
        campaign: Annotated[str | None, Field(description="The key of the campaign the message belongs to.")] = None,
        channel: Annotated[
            str | None, Field(description="Without a campaign: email, sms, instant_message, phone, post …")
        ] = None,
        purpose: Annotated[
            str | None,
            Field(description="Without a campaign: direct_marketing, newsletter, service_message, research …"),
        ] = None,
        controller: Annotated[str | None, Field(description="Without a campaign: in whose name.")] = None,
    ) -> Annotated[CallToolResult, MayContact]:
        """Tell whether one person may be sent one message now, why, and by which law.

        Name the person by email, phone or ref, and the message by campaign, or by channel and purpose.
        """
        person = {"email": email, "phone": phone, "ref": ref}
        found = await answering.may_contact(
            register, person, campaign=campaign, channel=channel, purpose=purpose, controller=controller
        )
        return _result(found)

    @server.tool(title="Make the links of a message", annotations=_READS)
    async def mint_link(
        ref: Annotated[str, Field(description="What the register calls the person.")],
        campaign: Annotated[str, Field(description="The key of the campaign the message belongs to.")],
    ) -> Annotated[CallToolResult, MintedLinks]:
        """Make a person's own links for one message: to choose what they get, and to leave.

        The links are for that person alone. They do not say whether the person may be contacted.
        """
        return _result(await answering.mint_link(register, ref, campaign))

    return server


def _result(found: MayContact | MintedLinks) -> CallToolResult:
    return CallToolResult(
        content=[TextContent(type="text", text=found["sentence"])], structured_content=dict(found)
    )  # fmt: skip
