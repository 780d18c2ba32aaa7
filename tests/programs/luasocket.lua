-- Calls one after the other with LuaSocket, over https with LuaSec: a connection for each.
local ltn12 = require("ltn12")

local url, secure = arg[1] .. "/chat/completions", arg[1]:match("^https")
local client = secure and require("ssl.https") or require("socket.http")
for i = 0, 7 do
    local prompt = "question " .. i .. (i == 4 and "[[status=400]]" or "")
    local body = '{"model":"m","messages":[{"role":"user","content":"' .. prompt .. '"}]}'
    local pieces = {}
    local _, status = client.request {
        url = url,
        method = "POST",
        headers = { ["Content-Type"] = "application/json", ["Content-Length"] = #body },
        source = ltn12.source.string(body),
        sink = ltn12.sink.table(pieces),
        verify = secure and "peer" or nil,
        cafile = secure and os.getenv("SSL_CERT_FILE") or nil,
        protocol = secure and "any" or nil,
    }
    print(i, status, table.concat(pieces))
end
