-- wrk with this script makes message calls like those of bench-calls, a recipient and a client_msg_id of its own in each. Its last
-- line is JSON: {"per_s":N,"failed":N,"p50_us":N,"p99_us":N}. One thread only: the numbers of two would be the same.

-- calls.c has the same body; NUMBER stands for 22 and for 32 digits.
local body = '{"touser":"oBenchNUMBER","template_id":"T1","data":{' ..
    '"first":{"value":"your order has been taken and is on its way to you"},"keyword1":{"value":"20261128-0001-7741"},' ..
    '"keyword2":{"value":"2026-11-28 12:00:00"},"keyword3":{"value":"39.80"},' ..
    '"keyword4":{"value":"green tea, 250 g, two tins"},' ..
    '"remark":{"value":"thank you for shopping with us, come again soon"}},"client_msg_id":"NUMBER"}'
local number = os.time() * 1000000 -- since a simulator remembers what an earlier run sent
local before, between, behind

-- The request is built once and cut at its numbers: wrk.format() for each would take longer than the rest of the call.
function init()
    local headers = {["Content-Type"] = "application/json; charset=utf-8"}
    local filled = body:gsub("NUMBER", ("A"):rep(22), 1):gsub("NUMBER", ("B"):rep(32), 1)
    local text = wrk.format("POST", nil, headers, filled)
    before, between, behind = text:match("^(.-)" .. ("A"):rep(22) .. "(.-)" .. ("B"):rep(32) .. "(.*)$")
end

function request()
    number = number + 1
    return before .. ("%022.0f"):format(number) .. between .. ("%032.0f"):format(number) .. behind
end

function done(summary, latency)
    local errors = summary.errors
    io.write(('{"per_s":%.1f,"failed":%d,"p50_us":%.0f,"p99_us":%.0f}\n'):format(
        summary.requests / summary.duration * 1e6,
        errors.connect + errors.read + errors.write + errors.status + errors.timeout,
        latency:percentile(50), latency:percentile(99)))
end
