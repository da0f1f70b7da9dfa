// Makes libserialport take a pseudo-terminal for a serial device.
//
// What: the few calls of the C library that 0.1.1 makes and a pseudo-terminal cannot answer, in the test program's own
//   version: what lies below /sys/class/tty is read from a folder of the test, the modem lines can be set (nobody sees
//   them), and overruns are counted by the test. All else goes to the system.
// Threads: set up before ports are opened; CountOverruns from any.
#ifndef DIMS_TESTS_SERIAL_SHIM_H_
#define DIMS_TESTS_SERIAL_SHIM_H_

#include <string>

namespace dims::shim {

void UseTtyClass(const std::string& folder);
// The kind of error a driver counts in TIOCGICOUNT; until the first call, it counts nothing at all.
void CountOverruns(int more);
// How often something in /dev was opened since the program began.
int DevicesOpened();

}  // namespace dims::shim

#endif  // DIMS_TESTS_SERIAL_SHIM_H_
