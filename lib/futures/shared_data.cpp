#include "multiprocessing/futures/shared_data.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstring>
#include <span>

#include "arena/message_handles.hpp"
#include "arena/owner_lock.hpp"
#include "base/fail_point.hpp"
#include "multiprocessing/base/errors.hpp"
#include "process/envelope.hpp"

namespace multiprocessing {
namespace detail {
namespace {

/// The object of a SharedData. All is guarded by the lock; what a holder leaves that dies is whole
/// at every instruction. Of its two links one holds the table.
struct DataBody {
  OwnerLock lock;
  std::atomic<std::uint32_t> table;        // which link counts
  std::atomic<std::uint64_t> last_change;  // its number
};

/// One name in the table, which has two links for it: one holds the value, or nothing when the
/// entry is free. The other one may hold what a change left that was never made.
struct DataEntry {
  std::atomic<std::uint64_t> state;  // the number of the change, and in its lowest bit which link
  std::uint64_t hash;                // of the name; constant while there is a value
};

/// Begins a value, an object that never changes; then the name, then the bytes. Its links hold what
/// the value mentions.
struct DataValue {
  std::uint32_t fingerprint;
  std::uint32_t key_size;
  std::uint64_t size;

  [[nodiscard]] const std::byte* bytes() const {
    return reinterpret_cast<const std::byte*>(this + 1);
  }
  [[nodiscard]] std::string_view key() const {
    return {reinterpret_cast<const char*>(bytes()), key_size};
  }
  [[nodiscard]] std::span<const std::byte> content() const { return {bytes() + key_size, size}; }
};

constexpr ObjectMaker data_maker{sizeof(DataBody), nullptr, 2};

void let_go(Link& link) {
  if (link.load() != 0) release(link);
}

/// The names, as long as the lock is held.
class DataTable {
 public:
  explicit DataTable(const Handle& body) : body_(body), root_(*body.as<DataBody>()) { open(); }

  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] std::uint64_t change_of(std::size_t at) const {
    return entries_[at].state.load() / 2;
  }
  [[nodiscard]] const Link& value(std::size_t at) const { return link(at, which(at)); }
  [[nodiscard]] std::string_view key(std::size_t at) const {
    return static_cast<const DataValue*>(body_of(value(at)))->key();
  }

  /// Where the name is; size() when it is nowhere.
  [[nodiscard]] std::size_t find(std::string_view wanted) const {
    const std::uint64_t hash = std::hash<std::string_view>{}(wanted);
    std::size_t at = 0;
    while (at < size() && (entries_[at].hash != hash || value(at).load() == 0 || key(at) != wanted))
      ++at;
    return at;
  }

  /// An entry that has no value.
  [[nodiscard]] std::size_t make_room() {
    std::size_t at = 0;
    while (at < size() && value(at).load() != 0) ++at;
    if (at == size()) grow();
    return at;
  }

  /// Puts the value there, or takes away what is there when it is none. The store of the state is
  /// the commit.
  void put(std::size_t at, const Handle& value) {
    const std::uint64_t spare = 1 - which(at);
    let_go(link(at, spare));
    if (value) {
      entries_[at].hash = std::hash<std::string_view>{}(value.as<DataValue>()->key());
      hold(link(at, spare), value);
    }
    fail_point("futures.data.held");
    entries_[at].state.store((root_.last_change.fetch_add(1) + 1) * 2 + spare);
    fail_point("futures.data.committed");
    let_go(link(at, 1 - spare));
    fail_point("futures.data.released");
  }

 private:
  void open() {
    table_ = handle_from(links_of(body_)[root_.table.load()]);
    if (!table_) return;
    links_ = links_of(table_);
    entries_ = {table_.as<DataEntry>(), links_.size() / 2};
  }

  [[nodiscard]] std::uint64_t which(std::size_t at) const { return entries_[at].state.load() % 2; }
  [[nodiscard]] Link& link(std::size_t at, std::uint64_t number) const {
    return links_[at * 2 + number];
  }

  /// The same values in a table of twice the size. The store that says which table counts is the
  /// commit.
  void grow() {
    const std::size_t wanted = std::max<std::size_t>(16, size() * 2);
    const Handle larger = Handle::make(wanted * sizeof(DataEntry), wanted * 2);
    DataEntry* const entries = larger.as<DataEntry>();
    for (std::size_t at = 0; at < size(); ++at) {
      entries[at].hash = entries_[at].hash;
      entries[at].state.store(change_of(at) * 2);
      hold(links_of(larger)[at * 2], handle_from(value(at)));
    }
    const std::uint32_t spare = 1 - root_.table.load();
    let_go(links_of(body_)[spare]);
    hold(links_of(body_)[spare], larger);
    fail_point("futures.data.grown");
    root_.table.store(spare);
    fail_point("futures.data.moved");
    let_go(links_of(body_)[1 - spare]);
    open();
  }

  const Handle& body_;
  DataBody& root_;
  Handle table_;
  std::span<Link> links_;
  std::span<DataEntry> entries_;
};

Handle value_of(std::string_view key, std::uint32_t fingerprint, const Writer& writer,
                const Envelope& mentioned) {
  if (!mentioned.ends().empty())
    throw SerializationError("\"" + std::string(key) +
                             "\" cannot be the end of a pipe or socket, for the first process that "
                             "looks would take it: send it as an argument or by a queue");
  Handle value =
      Handle::make(sizeof(DataValue) + key.size() + writer.size(), mentioned.handles().size());
  DataValue& header = *value.as<DataValue>();
  header = {fingerprint, static_cast<std::uint32_t>(key.size()), writer.size()};
  std::byte* const bytes = reinterpret_cast<std::byte*>(&header + 1);
  std::memcpy(bytes, key.data(), key.size());
  std::memcpy(bytes + key.size(), writer.view().data(), writer.size());
  mentioned.hold_by(links_of(value));
  return value;
}

}  // namespace
}  // namespace detail

using detail::DataBody;
using detail::DataTable;
using detail::DataValue;
using detail::Handle;
using detail::OwnerGuard;

SharedData::SharedData() noexcept : body_(detail::data_maker) {}

std::uint64_t SharedData::fetch(std::string_view key, const detail::MessageType& type,
                                Decode decode, void* into) const {
  Handle value;
  std::uint64_t change = 0;
  {
    const OwnerGuard guard{body_.as<DataBody>()->lock};
    const DataTable table(body_);
    const std::size_t at = table.find(key);
    if (at == table.size()) return 0;
    value = detail::handle_from(table.value(at));
    change = table.change_of(at);
  }
  const DataValue& found = *value.as<DataValue>();
  if (found.fingerprint != type.fingerprint())
    throw SerializationError("\"" + std::string(key) + "\" is " +
                             detail::MessageType::describe(found.fingerprint, type) +
                             ", and was asked for as " + type.name());
  const detail::Envelope::Reading reading(detail::links_of(value));
  detail::Reader reader{found.content()};
  decode(reader, into);
  return change;
}

bool SharedData::store(std::string_view key, const detail::MessageType& type, Encode encode,
                       const void* value, const std::uint64_t* unchanged) const {
  detail::Writer writer;
  detail::Envelope mentioned;
  {
    const detail::Envelope::Writing writing(mentioned);
    encode(writer, value);
  }
  const Handle made = detail::value_of(key, type.fingerprint(), writer, mentioned);
  const OwnerGuard guard{body_.as<DataBody>()->lock};
  DataTable table(body_);
  std::size_t at = table.find(key);
  const bool is_new = at == table.size();
  if (unchanged != nullptr && *unchanged != (is_new ? 0 : table.change_of(at))) return false;
  if (is_new) at = table.make_room();
  table.put(at, made);
  return true;
}

bool SharedData::contains(std::string_view key) const {
  const OwnerGuard guard{body_.as<DataBody>()->lock};
  const DataTable table(body_);
  return table.find(key) != table.size();
}

bool SharedData::erase(std::string_view key) const {
  const OwnerGuard guard{body_.as<DataBody>()->lock};
  DataTable table(body_);
  const std::size_t at = table.find(key);
  if (at == table.size()) return false;
  table.put(at, {});
  return true;
}

std::vector<std::string> SharedData::keys() const {
  const OwnerGuard guard{body_.as<DataBody>()->lock};
  const DataTable table(body_);
  std::vector<std::string> keys;
  for (std::size_t at = 0; at < table.size(); ++at)
    if (table.value(at).load() != 0) keys.emplace_back(table.key(at));
  return keys;
}

}  // namespace multiprocessing
