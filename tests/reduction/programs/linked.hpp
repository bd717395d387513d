// A library that the carrier links.
#pragma once

namespace linked {

[[gnu::visibility("default")]] int triple(int n);

struct [[gnu::visibility("default")]] Machine {
  virtual ~Machine();
  virtual int work(int n);
};

}  // namespace linked
