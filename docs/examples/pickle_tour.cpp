// Values of Python: made, printed, written, read, and as types of C++.
#include <multiprocessing/pickle.hpp>

#include <iostream>
#include <map>
#include <string>

namespace mp = multiprocessing;

// [typed]
struct Player {  // an aggregate is a tuple: ('Ada', {'chess': 3})
  std::string name;
  std::map<std::string, int> wins;
};
// [/typed]

int main() {
  // [value]
  mp::Object user = mp::Object::dict({{"name", "Ada"}, {"scores", mp::Object::list({1, 2.5})}});
  user.set("age", 36);
  std::cout << user << '\n';  // {'name': 'Ada', 'scores': [1, 2.5], 'age': 36}

  const mp::Bytes pickled = mp::dumps(user);  // Python: pickle.loads(pickled)
  const mp::Object back = mp::loads(pickled);
  // [/value]

  // [typed use]
  const mp::Object value = mp::Object::of(Player{"Ada", {{"chess", 3}}});
  const auto player = value.as<Player>();
  // [/typed use]
  std::cout << value << '\n';

  std::string refused;
  try {
    (void)mp::loads("cos\nsystem\n(S'true'\ntR.");
  } catch (const mp::SerializationError& error) {
    refused = error.what();
  }
  std::cout << refused << '\n';
  return back == user && player.wins.at("chess") == 3 && !refused.empty() ? 0 : 1;
}
