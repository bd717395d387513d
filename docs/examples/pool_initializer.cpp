// Data that all tasks use is given to each worker once, not with every task.
#include <multiprocessing/pool.hpp>

#include <map>
#include <string>
#include <vector>

namespace mp = multiprocessing;

// [initializer]
std::map<std::string, int> prices;  // one per worker

void load(std::map<std::string, int> table) { prices = std::move(table); }

int price_of(const std::string& thing) { return prices.at(thing); }

int main() {
  const std::map<std::string, int> table{{"apple", 3}, {"pear", 5}};
  mp::Pool pool(2, load, table);
  return pool.map(price_of, {"pear", "apple", "pear"}) == std::vector{5, 3, 5} ? 0 : 1;
}
// [/initializer]
