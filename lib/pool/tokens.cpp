#include "pool/tokens.hpp"

#include <algorithm>

#include "arena/event_count.hpp"
#include "base/fail_point.hpp"
#include "multiprocessing/base/errors.hpp"

namespace multiprocessing::detail {
namespace {

std::string listed(const std::map<std::string, int>& tokens) {
  if (tokens.empty()) return "it has no tokens";
  std::string list = "it has ";
  for (const auto& [name, count] : tokens) {
    if (list.back() != ' ') list += ", ";
    list += std::to_string(count) + " of \"" + name + '"';
  }
  return list;
}

}  // namespace

void make_tokens(const Handle& board, const std::map<std::string, int>& tokens) {
  for (const auto& [name, count] : tokens)
    if (count < 1)
      throw ValueError("a pool's tokens \"" + name + "\" must be 1 or more, not " +
                       std::to_string(count));
  if (tokens.empty()) return;
  const std::size_t words = tokens.size() * (seats_of(board).size() + 1);
  Handle made = Handle::make(sizeof(Tokens::Body) + words * sizeof(std::uint32_t), 0);
  auto& body = *made.as<Tokens::Body>();
  body.kinds = static_cast<std::uint32_t>(tokens.size());
  auto* count = body.counts();
  for (const auto& each : tokens) (count++)->store(static_cast<std::uint32_t>(each.second));
  board.as<Board>()->token_kinds = body.kinds;
  hold(tokens_link(board), made);
}

TokenNeeds token_needs(const std::map<std::string, int>& tokens,
                       const std::map<std::string, int>& asked) {
  if (asked.empty()) return {};
  TokenNeeds needs(tokens.size(), 0);
  for (const auto& [name, count] : asked) {
    const auto kind = tokens.find(name);
    if (kind == tokens.end())
      throw ValueError("the pool knows no token \"" + name + "\": " + listed(tokens));
    if (count < 1 || count > kind->second)
      throw ValueError("a task cannot have " + std::to_string(count) + " of the pool's token \"" +
                       name + "\": " + listed(tokens));
    needs[static_cast<std::size_t>(std::distance(tokens.begin(), kind))] =
        static_cast<std::uint32_t>(count);
  }
  return needs;
}

Tokens::Tokens(const Handle& board)
    : board_(board),
      tokens_(board.as<Board>()->token_kinds == 0 ? Handle{} : handle_from(tokens_link(board))) {}

TokenNeeds Tokens::free() const {
  if (!tokens_) return {};
  Body& at = body();
  TokenNeeds free(at.kinds);
  for (std::uint32_t kind = 0; kind < at.kinds; ++kind) {
    std::uint32_t held = 0;
    for (std::size_t seat = 0; seat < board_.as<Board>()->used.load(); ++seat)
      held += at.held(seat)[kind].load();
    const std::uint32_t count = at.counts()[kind].load();
    free[kind] = held < count ? count - held : 0;  // some may be given back meanwhile
  }
  return free;
}

bool Tokens::take(std::size_t seat, const TokenNeeds& needs, bool& in_time) {
  in_time = true;
  if (needs.empty()) return true;
  Body& at = body();
  const OwnerLock::Taken taken = at.lock.acquire(Deadline{turn_of_others});
  in_time = taken != OwnerLock::Taken::not_in_time;
  if (!in_time) return false;  // its holder may be stopped
  const OwnerGuard guard{at.lock, taken};
  if (!are_free(free(), needs)) return false;
  for (std::uint32_t kind = 0; kind < at.kinds; ++kind) {
    at.held(seat)[kind].store(needs[kind]);
    fail_point("pool.token.taken");
  }
  return true;
}

void Tokens::give_back(std::size_t seat) {
  if (!tokens_) return;
  Body& at = body();
  for (std::uint32_t kind = 0; kind < at.kinds; ++kind) at.held(seat)[kind].store(0);
  fail_point("pool.token.given_back");
  Board& board = *board_.as<Board>();
  board.ranked.calls.fetch_add(1);
  board.news.notify_all();
}

}  // namespace multiprocessing::detail
