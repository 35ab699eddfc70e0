"""The scripts that the Redis store runs in the server, where nothing comes between their commands."""

# Writes several units, each of one or more streams: all of a unit, if the states of its streams are those that were
# seen, else nothing of it; returns the states of those that were not. Then each node gets one message of all changes
# that it watches; a node that does not listen watches no longer. KEYS: due, all paths. ARGV: what the keys begin with
# that have the inboxes of those who watch a path; what messages begin with; the units in MessagePack, as one argument
# is read many times faster than thousands. A unit is an array of streams, a stream one of strings: path, the state's
# key, the records' key, the state seen, the new state, when it is due, what to drop ("all", the first number kept, or
# ""), the block to append or "", and the number of the block's last record.
COMMIT = """
local conflicts = {}
local inboxes = {}
for number, streams in ipairs(cmsgpack.unpack(ARGV[3])) do
  local now = {number}
  local same = true
  for i, stream in ipairs(streams) do
    now[i + 1] = redis.call('GET', stream[2]) or ''
    if now[i + 1] ~= stream[4] then same = false end
  end
  if not same then
    conflicts[#conflicts + 1] = now
  else
    for _, stream in ipairs(streams) do
      local path, state, records, seen, new, due, drop, block, last = unpack(stream)
      if drop == 'all' then redis.call('DEL', records)
      elseif drop ~= '' then redis.call('XTRIM', records, 'MINID', drop) end
      if block ~= '' then redis.call('XADD', records, last, 'r', block) end
      if seen ~= new then
        if new == '' then redis.call('DEL', state) else redis.call('SET', state, new) end
        if new == '' then redis.call('ZREM', KEYS[2], path)
        elseif seen == '' then redis.call('ZADD', KEYS[2], 0, path) end
        if due == '' then redis.call('ZREM', KEYS[1], path) else redis.call('ZADD', KEYS[1], due, path) end
        if #block > 16384 then block = '' end -- too much for every node's connection: who wants it, reads it
        local change = struct.pack('>I4I4I4', #path, #new, #block) .. path .. new .. block
        for _, inbox in ipairs(redis.call('SMEMBERS', ARGV[1] .. path)) do
          if not inboxes[inbox] then inboxes[inbox] = {changes = {ARGV[2]}, paths = {}} end
          table.insert(inboxes[inbox].changes, change)
          table.insert(inboxes[inbox].paths, path)
        end
      end
    end
  end
end
for inbox, told in pairs(inboxes) do
  if redis.call('PUBLISH', inbox, table.concat(told.changes)) == 0 then
    for _, path in ipairs(told.paths) do redis.call('SREM', ARGV[1] .. path, inbox) end
  end
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
