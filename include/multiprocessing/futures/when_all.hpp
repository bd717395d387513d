// when_all: one future of several.
#pragma once

#include <atomic>
#include <cstddef>
#include <exception>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "multiprocessing/futures/future.hpp"
#include "multiprocessing/pool/mapped.hpp"

namespace multiprocessing {

namespace detail {

/// Calls `then` where the last of the futures is done.
template <class Then>
void when_done(const std::vector<std::shared_ptr<FutureState>>& futures, Then then) {
  const auto left = std::make_shared<std::atomic<std::size_t>>(futures.size());
  if (futures.empty()) return then();
  for (const auto& future : futures)
    future->call_when_done([left, then](const std::shared_ptr<FutureState>&) {
      if (left->fetch_sub(1) == 1) then();
    });
}

/// Copies where that can be done; else it is moved out of the future.
template <class R>
value_of<R> value_for_all(SharedResult<R, FutureState>& future) {
  if (const auto error = future.error()) std::rethrow_exception(error);
  if constexpr (std::is_void_v<R>)
    return value_of<R>{};
  else if constexpr (std::is_copy_constructible_v<R>)
    return future.value();
  else
    return std::move(future.value());
}

}  // namespace detail

/// All results, once all are done; the first exception in the order given, if there is one. A
/// function that gives nothing has a `None_t` there.
template <class... R>
requires(sizeof...(R) >
         0) Future<std::tuple<value_of<R>...>> when_all(const Future<R>&... futures) {
  using All = std::tuple<value_of<R>...>;
  const auto all = std::make_shared<detail::FutureByHand<All>>();
  all->derive_from({detail::FuturesState::of(futures)...});
  detail::when_done({detail::FuturesState::of(futures)...}, [all, futures...] {
    detail::set_by_call(
        *all, [&] { return All{detail::value_for_all<R>(*detail::FuturesState::of(futures))...}; });
  });
  return detail::FuturesState::future<All>(all);
}

template <class R>
Future<list_of<R>> when_all(const std::vector<Future<R>>& futures) {
  using All = list_of<R>;
  const auto all = std::make_shared<detail::FutureByHand<All>>();
  std::vector<std::shared_ptr<detail::FutureState>> states;
  for (const Future<R>& future : futures) states.push_back(detail::FuturesState::of(future));
  all->derive_from({states.begin(), states.end()});
  detail::when_done(states, [all, futures] {
    detail::set_by_call(*all, [&]() -> All {
      if constexpr (std::is_void_v<R>) {
        for (const Future<R>& future : futures) future.result();
      } else {
        All list;
        for (const Future<R>& future : futures)
          list.push_back(detail::value_for_all<R>(*detail::FuturesState::of(future)));
        return list;
      }
    });
  });
  return detail::FuturesState::future<All>(all);
}

}  // namespace multiprocessing
