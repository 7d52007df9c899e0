// The order state of trading/engine/order-state.ts over the same records: the peer of the benchmark "core".
// Prints nanoseconds per record (median of three) and the hash of the state.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <vector>

using u8 = uint8_t;
using u32 = uint32_t;
using u64 = uint64_t;

static inline u32 mixIn(u32 hash, u32 word) {
  u32 mixed = ((hash << 13) | (hash >> 19)) * 0x2c1b3c6du ^ word * 0x297a2d39u;
  return mixed ^ (mixed >> 15);
}
static inline u32 spread(u32 hash) {
  u32 mixed = (hash ^ (hash >> 16)) * 0x7feb352du;
  mixed = (mixed ^ (mixed >> 15)) * 0x846ca68bu;
  return mixed ^ (mixed >> 16);
}
static inline u32 mixWide(u32 hash, u64 value) { return mixIn(mixIn(hash, u32(value)), u32(value >> 32)); }
static inline u32 folded(u64 value) { return u32(value) ^ u32(value >> 32) * 0x9e3779b1u; }
struct Digest { u32 hash, place; };
// The place forgets what the last two characters count, and has that beside it: keys that are counted up are neighbours, a hundred of
// them. From a slot that is taken they step on alike.
static u32 placeIn(u32 family, u32 tens, u32 ones) {
  return (spread(family) & ~127u) | (((tens & 15) * 10 + (ones & 15)) & 127u);
}
static Digest digest(const u8 *bytes, u32 length) {
  u32 hash = length, before = length, word = 0, at = 0;
  for (; at + 4 <= length; at += 4) {
    memcpy(&word, bytes + at, 4);
    before = hash;
    hash = mixIn(hash, word);
  }
  u32 rest = 0;
  for (; at < length; at++) rest = (rest << 8) | bytes[at];
  u32 whole = spread(mixIn(hash, rest));
  if ((length & 3) == 0) return {whole, placeIn(mixIn(before, word & ~0x0f0f0000u), word >> 16, word >> 24)};
  if ((length & 3) == 1)
    return {whole, placeIn(mixIn(mixIn(before, word & ~0x0f000000u), rest & ~0x0fu), word >> 24, rest)};
  return {whole, placeIn(mixIn(hash, rest & ~0x0f0fu), rest >> 8, rest)};
}

// Keys numbered as they come, found by content.
struct Table {
  struct Slot { u32 place, number; };
  static u32 stepOf(u32 place) { return (place >> 16) << 1 | 1; }
  std::vector<Slot> slots{4096};
  std::vector<u8> arena;
  std::vector<u32> places, starts, hashes;
  int look(u32 place, const u8 *bytes, u32 length) const {
    u32 mask = u32(slots.size()) - 1;
    for (u32 slot = place & mask;; slot = (slot + stepOf(place)) & mask) {
      if (slots[slot].number == 0) return -1;
      if (slots[slot].place != place) continue;
      const u8 *key = &arena[starts[slots[slot].number - 1]];
      if (key[0] == length && memcmp(key + 1, bytes, length) == 0) return int(slots[slot].number - 1);
    }
  }
  int find(const u8 *bytes, u32 length) const { return look(digest(bytes, length).place, bytes, length); }
  void occupy(u32 place, u32 number) {
    u32 mask = u32(slots.size()) - 1, slot = place & mask;
    while (slots[slot].number != 0) slot = (slot + stepOf(place)) & mask;
    slots[slot] = {place, number + 1};
  }
  u32 put(const u8 *bytes, u32 length) {
    Digest of = digest(bytes, length);
    int known = look(of.place, bytes, length);
    if (known != -1) return u32(known);
    u32 number = u32(starts.size());
    starts.push_back(u32(arena.size()));
    places.push_back(of.place);
    hashes.push_back(of.hash);
    arena.push_back(u8(length));
    arena.insert(arena.end(), bytes, bytes + length);
    if (starts.size() * 2 > slots.size()) {
      slots.assign(slots.size() * 2, {0, 0});
      for (u32 each = 0; each < number; each++) occupy(places[each], each);
    }
    occupy(of.place, number);
    return number;
  }
};

enum State : u8 { pending = 1, open_, filled_, cancelled_, rejected_, done };
struct Item {
  u8 kind, side, state, withdrawn;
  int client, about, code, next, previous, targetText;
  u32 base, hash;
  u64 sequence, epoch, price, quantity, filled;
};
struct List { int first = -1, last = -1, size = 0; };

struct Engine {
  Table ids, texts;
  std::vector<Item> items;
  std::vector<int> open;
  List orders, cancels;
  u32 content = 0;
  u64 applied = 0, venue = 0, active = 0, count = 0, breaks = 0, fills = 0;

  void append(List &list, int item) {
    if (list.last == -1) list.first = item; else items[list.last].next = item;
    items[item].next = -1;
    items[item].previous = list.last;
    list.last = item;
    list.size++;
  }
  void remove(List &list, int item) {
    int next = items[item].next, previous = items[item].previous;
    if (previous == -1) list.first = next; else items[previous].next = next;
    if (next == -1) list.last = previous; else items[next].previous = previous;
    list.size--;
  }
  void rehash(int number) {
    Item &item = items[number];
    u32 has = (item.code == 0 ? 0 : 16) | (item.filled == 0 ? 0 : 64);
    u32 hash = mixIn(item.base, item.state | (item.withdrawn << 3) | has);
    if (item.code != 0) hash = mixIn(hash, texts.hashes[item.code - 1]);
    if (item.filled != 0) hash = mixIn(hash, folded(item.filled));
    hash = spread(hash);
    content += hash - item.hash;
    item.hash = hash;
  }
  void begin(int number) {
    Item &item = items[number];
    u32 hash = mixIn(ids.hashes[number], (item.kind << 2) | item.side);
    hash = mixIn(hash, texts.hashes[item.client]);
    if (item.kind == 1) hash = mixIn(hash, texts.hashes[item.about]);
    else hash = mixIn(hash, item.about == -1 ? texts.hashes[item.targetText] : ids.hashes[item.about]);
    u32 when = mixIn(folded(item.sequence), folded(item.epoch));
    item.base = mixIn(mixIn(hash, when), mixIn(folded(item.price), folded(item.quantity)));
    rehash(number);
  }
  bool isOrder(int item) const { return item != -1 && items[item].kind == 1; }
  void finish(int number, State state) {
    Item &item = items[number];
    if (item.state == pending || item.state == open_) {
      if (item.state == pending) remove(orders, number);
      item.state = state;
      active--;
      open[item.client]--;
    } else breaks++;
    rehash(number);
  }
  void settle(int number, State state, int code) {
    if (number == -1 || items[number].kind != 2) return;
    if (items[number].state == pending) remove(cancels, number);
    items[number].state = state;
    items[number].code = code;
    rehash(number);
  }
  void reject(const u8 *text, u32 first, u32 second, bool withdrawn) {
    int item = ids.find(text, first);
    if (!isOrder(item)) { breaks++; return; }
    items[item].code = int(texts.put(text + first, second)) + 1;
    if (withdrawn) items[item].withdrawn = 1;
    finish(item, rejected_);
  }
  void apply(u64 sequence, u64 epoch, const u8 *record) {
    applied = sequence;
    u8 kind = record[2];
    u32 first = record[4], second = record[5], third = record[6];
    u64 number, price = 0, quantity = 0;
    memcpy(&number, record + 8, 8);
    const u8 *text = record + 16;
    if (kind == 2 || kind == 6) {
      memcpy(&price, record + 16, 8);
      memcpy(&quantity, record + 24, 8);
      text = record + 32;
    }
    if (kind == 2 || kind == 3) {
      if (ids.put(text, first) != items.size()) { breaks++; return; }
      Item item{};
      item.kind = kind == 2 ? 1 : 2;
      item.state = pending;
      item.sequence = sequence;
      item.epoch = epoch;
      item.client = int(texts.put(text + first, second));
      if (kind == 2) {
        item.side = record[3];
        item.price = price;
        item.quantity = quantity;
        item.about = int(texts.put(text + first + second, third));
      } else {
        item.about = ids.find(text + first + second, third);
        if (item.about == -1) item.targetText = int(texts.put(text + first + second, third));
      }
      int at = int(items.size());
      items.push_back(item);
      begin(at);
      append(kind == 2 ? orders : cancels, at);
      if (kind == 3) return;
      count++;
      active++;
      if (size_t(item.client) >= open.size()) open.resize(size_t(item.client) + 1);
      open[item.client]++;
      return;
    }
    if (kind == 9) reject(text, first, second, true);
    if (kind < 4 || kind > 8) return;
    venue = number;
    if (kind == 4) {
      int item = ids.find(text, first);
      if (!isOrder(item)) breaks++;
      else if (items[item].state == pending) {
        items[item].state = open_;
        remove(orders, item);
        rehash(item);
      }
    } else if (kind == 5) reject(text, first, second, false);
    else if (kind == 6) {
      int item = ids.find(text, first);
      if (!isOrder(item) || items[item].filled + quantity > items[item].quantity) { breaks++; return; }
      fills++;
      items[item].filled += quantity;
      if (items[item].filled == items[item].quantity) finish(item, filled_);
      else rehash(item);
    } else if (kind == 7) {
      int order = ids.find(text + first, second);
      settle(ids.find(text, first), done, 0);
      if (isOrder(order)) finish(order, cancelled_);
      else breaks++;
    } else {
      int code = int(texts.put(text + first + second, third)) + 1;
      settle(ids.find(text, first), rejected_, code);
    }
  }
  u32 counters() const {
    u32 hash = mixWide(u32(count), applied);
    hash = mixWide(mixWide(hash, venue), active);
    hash = mixWide(mixWide(hash, fills), breaks);
    return spread(mixWide(mixWide(hash, u64(orders.size)), u64(cancels.size)));
  }
};

int main(int, char **arguments) {
  std::ifstream file(arguments[1], std::ios::binary);
  std::vector<u8> bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  std::vector<double> times;
  u32 content = 0, counters = 0;
  for (int round = 0; round < 3; round++) {
    Engine engine;
    auto startedAt = std::chrono::steady_clock::now();
    u64 sequence = 0;
    for (size_t offset = 0; offset < bytes.size();) {
      engine.apply(++sequence, 1, &bytes[offset]);
      offset += size_t(bytes[offset]) | size_t(bytes[offset + 1]) << 8;
    }
    std::chrono::duration<double, std::nano> elapsed = std::chrono::steady_clock::now() - startedAt;
    times.push_back(elapsed.count() / double(sequence));
    content = engine.content;
    counters = engine.counters();
  }
  std::sort(times.begin(), times.end());
  std::printf("%.1f %08x%08x\n", times[1], content, counters);
}
