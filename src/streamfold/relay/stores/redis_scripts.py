"""The scripts that the Redis store runs in the server, where nothing comes between their commands."""

# Writes several units, each of one or more streams: all of a unit, if the states of its streams are those that were
# seen, else nothing of it; returns the states of those that were not. KEYS: due, all paths, then for each stream its
# state and its records. ARGV: the channels' prefix; what messages begin with; for each unit the number of its streams,
# then for each of these its path, the state seen, the new state, when it is due, what to drop ("all", the first number
# kept, or ""), the block to append or "", and the number of the block's last record.
COMMIT = """
local conflicts = {}
local key, arg, unit = 3, 3, 0
while arg <= #ARGV do
  unit = unit + 1
  local n = tonumber(ARGV[arg])
  arg = arg + 1
  local now = {unit}
  local same = true
  for i = 0, n - 1 do
    now[i + 2] = redis.call('GET', KEYS[key + 2 * i]) or ''
    if now[i + 2] ~= ARGV[arg + 7 * i + 1] then same = false end
  end
  if not same then
    conflicts[#conflicts + 1] = now
  else
    for i = 0, n - 1 do
      local path, seen, new, due, drop, block, last = unpack(ARGV, arg + 7 * i, arg + 7 * i + 6)
      local state, records = KEYS[key + 2 * i], KEYS[key + 2 * i + 1]
      if drop == 'all' then redis.call('DEL', records)
      elseif drop ~= '' then redis.call('XTRIM', records, 'MINID', drop) end
      if block ~= '' then redis.call('XADD', records, last, 'r', block) end
      if seen ~= new then
        if new == '' then redis.call('DEL', state) else redis.call('SET', state, new) end
        if new == '' then redis.call('ZREM', KEYS[2], path)
        elseif seen == '' then redis.call('ZADD', KEYS[2], 0, path) end
        if due == '' then redis.call('ZREM', KEYS[1], path) else redis.call('ZADD', KEYS[1], due, path) end
        if #block > 16384 then block = '' end -- too much for every node's connection: who wants it, reads it
        redis.call('PUBLISH', ARGV[1] .. path, ARGV[2] .. string.len(new) .. ':' .. new .. block)
      end
    end
  end
  key, arg = key + 2 * n, arg + 7 * n
end
return conflicts
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
