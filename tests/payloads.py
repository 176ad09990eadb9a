"""What people who mean harm write into fields: two hundred ways of running a script in somebody else's page.

Each would call ``alert``; a page that shows one as text is whole, a page in which one runs is broken.
"""

from __future__ import annotations

_CALLS = ("alert(1)", "window.alert`1`", "top['al'+'ert'](1)", "eval(atob('YWxlcnQoMSk='))")
_SHAPES = (
    "<script>{0}</script>",
    "<ScRiPt>{0}</sCrIpT>",
    "</title><script>{0}</script>",
    "</textarea><script>{0}</script>",
    "</select><script>{0}</script>",
    "--><script>{0}</script>",
    "]]><script>{0}</script>",
    '"><script>{0}</script>',
    "'><script>{0}</script>",
    "<img src=x onerror={0}>",
    "<img src=x onerror='{0}'>",
    '"><img src=x onerror={0}>',
    "'><img src=x onerror={0}>",
    "<svg onload={0}>",
    "<svg/onload={0}>",
    "<svg><script>{0}</script></svg>",
    "<svg><animate onbegin={0} attributeName=x dur=1s>",
    "<math><mtext><img src=x onerror={0}></mtext></math>",
    "<body onload={0}>",
    "<iframe srcdoc='<script>{0}</script>'></iframe>",
    "<iframe src=javascript:{0}></iframe>",
    "<object data=javascript:{0}></object>",
    "<embed src=javascript:{0}>",
    "<a href=javascript:{0}>x</a>",
    "<a href='java\tscript:{0}'>x</a>",
    "<form action=javascript:{0}><button>x</button></form>",
    "<details open ontoggle={0}>x</details>",
    "<video><source onerror={0}></video>",
    "<audio src=x onerror={0}>",
    "<input autofocus onfocus={0}>",
    "<select autofocus onfocus={0}>",
    "<textarea autofocus onfocus={0}>",
    "<marquee onstart={0}>x</marquee>",
    "<style onload={0}></style>",
    "<link rel=stylesheet href=x onerror={0}>",
    "<base href=javascript:{0}//>",
    "<meta http-equiv=refresh content='0;url=javascript:{0}'>",
    '" autofocus onfocus={0} x="',
    "' autofocus onfocus={0} x='",
    '" onmouseover={0} "',
    "' onmouseover={0} '",
    "javascript:{0}",
    "data:text/html,<script>{0}</script>",
    "{{{{{0}}}}}",
    "${{{0}}}",
    "<%={0}%>",
    "\u202e<script>{0}</script>",
    "<scr\u0131pt>{0}</script>",
    "＜script＞{0}＜/script＞",
    "<div hx-on:load='{0}'>x</div>",
)

PAYLOADS = tuple(shape.format(call) for call in _CALLS for shape in _SHAPES)
assert len(PAYLOADS) == 200
