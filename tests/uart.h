// A serial line between two UARTs that need not be set alike: bits on a wire, sampled at another speed.
#ifndef DIMS_TESTS_UART_H_
#define DIMS_TESTS_UART_H_

#include <bit>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "drivers/driver.h"
#include "firmware-bridge/port.h"

namespace dims {

// In sixteenths of a bit at 115200 baud: all usual speeds are whole.
inline int BitTime(const Line& line) { return 16 * 115200 / line.baud; }

inline bool ParityBit(unsigned data, char parity) { return (std::popcount(data) % 2 == 1) != (parity == 'O'); }

// What stands on the wire, one element a bit; the line idles before and after.
inline std::vector<bool> Transmit(absl::string_view bytes, const Line& line) {
  std::vector<bool> wire(12, true);
  for (const char c : bytes) {
    const unsigned data = static_cast<unsigned char>(c) & ((1u << line.data_bits) - 1);
    wire.push_back(false);
    for (int bit = 0; bit < line.data_bits; ++bit) wire.push_back((data >> bit & 1) != 0);
    if (line.parity != 'N') wire.push_back(ParityBit(data, line.parity));
    wire.insert(wire.end(), line.stop_bits, true);
  }
  wire.insert(wire.end(), 24, true);
  return wire;
}

// What a UART set to `line` makes of it: a byte for each start bit, a mark where parity or stop bit are wrong.
inline Received Receive(const std::vector<bool>& wire, int wire_bit, const Line& line) {
  const auto level = [&](int time) {
    const auto at = static_cast<std::size_t>(time / wire_bit);
    return at >= wire.size() || wire[at];
  };
  const int bit = BitTime(line);
  Received received;
  int time = 0;
  while (true) {
    // The next falling edge.
    std::size_t at = static_cast<std::size_t>(time / wire_bit) + 1;
    while (at < wire.size() && (wire[at] || !wire[at - 1])) ++at;
    if (at >= wire.size()) return received;
    time = static_cast<int>(at) * wire_bit;
    if (level(time + bit / 2)) continue;  // too short for a start bit
    time += bit + bit / 2;
    unsigned data = 0;
    for (int i = 0; i < line.data_bits; ++i, time += bit) data |= (level(time) ? 1u : 0u) << i;
    bool good = true;
    if (line.parity != 'N') {
      good = level(time) == ParityBit(data, line.parity);
      time += bit;
    }
    const bool stop = level(time);
    if (!stop && data == 0) {
      received.marks.push_back({LineMark::kBreak, received.bytes.size()});
    } else if (!stop || !good) {
      received.marks.push_back({LineMark::kParityOrFraming, received.bytes.size()});
    }
    received.bytes += static_cast<char>(data);
  }
}

// What arrives where one end is set to `from` and the other to `to`.
inline Received OverTheWire(absl::string_view bytes, const Line& from, const Line& to) {
  return Receive(Transmit(bytes, from), BitTime(from), to);
}

}  // namespace dims

#endif  // DIMS_TESTS_UART_H_
