// Seeds: numbers that look random and are the same in every run.
#pragma once

#include <cstdint>

namespace multiprocessing::detail {

/// Close numbers give numbers that have nothing to do with each other (splitmix64).
[[nodiscard]] constexpr std::uint64_t scattered(std::uint64_t number) {
  number += 0x9e37'79b9'7f4a'7c15;
  number = (number ^ number >> 30) * 0xbf58'476d'1ce4'e5b9;
  number = (number ^ number >> 27) * 0x94d0'49bb'1331'11eb;
  return number ^ number >> 31;
}

}  // namespace multiprocessing::detail
