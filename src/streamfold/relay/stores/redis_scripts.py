"""The scripts that the Redis store runs in the server, where nothing comes between their commands."""

# KEYS: due, then the state and the records of each stream. ARGV: the channels' prefix; for each stream its path, the
# state seen, the new state, when it is due, what to drop ("all", the first number kept, or ""); then the block and its
# number.
COMMIT = """
local n = (#KEYS - 1) / 2
local now = {}
local same = true
for i = 1, n do
  now[i] = redis.call('GET', KEYS[2 * i]) or ''
  if now[i] ~= ARGV[5 * i - 2] then same = false end
end
if not same then return now end
for i = 1, n do
  local path, seen, new, due, drop = unpack(ARGV, 5 * i - 3, 5 * i + 1)
  local state, records = KEYS[2 * i], KEYS[2 * i + 1]
  if drop == 'all' then redis.call('DEL', records)
  elseif drop ~= '' then redis.call('XTRIM', records, 'MINID', drop) end
  if seen ~= new then
    if new == '' then redis.call('DEL', state) else redis.call('SET', state, new) end
    if due == '' then redis.call('ZREM', KEYS[1], path) else redis.call('ZADD', KEYS[1], due, path) end
  end
end
if #ARGV > 5 * n + 1 then redis.call('XADD', KEYS[3], ARGV[5 * n + 3], 'r', ARGV[5 * n + 2]) end
for i = 1, n do
  local path, seen, new = unpack(ARGV, 5 * i - 3, 5 * i - 1)
  if seen ~= new then
    local block = ''
    if i == 1 and #ARGV > 5 * n + 1 then block = ARGV[5 * n + 2] end
    redis.call('PUBLISH', ARGV[1] .. path, string.len(new) .. ':' .. new .. block)
  end
end
return nil
"""

# KEYS: the state. ARGV: how many records precede, how many bytes are wanted (0: only the state), the records' prefix.
READ = """
local state = redis.call('GET', KEYS[1])
if not state then return nil end
local reply = {state}
local after, limit = ARGV[1], tonumber(ARGV[2])
local records = ARGV[3] .. cmsgpack.unpack(state).id
while limit > 0 do
  local entries = redis.call('XRANGE', records, '(' .. after, '+', 'COUNT', 16)
  if #entries == 0 then break end
  for _, entry in ipairs(entries) do
    after = entry[1]
    reply[#reply + 1] = after
    reply[#reply + 1] = entry[2][2]
    limit = limit - #entry[2][2]
    if limit <= 0 then break end
  end
end
return reply
"""
