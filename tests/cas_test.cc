#include "drivers/cas.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace dims {
namespace {

TEST(Cas, LosesItsPaddingAndNothingElse) {
  EXPECT_EQ(ParseCas("000636-53-3")->number, "636-53-3");
  EXPECT_EQ(ParseCas("000058-08-2")->number, "58-08-2");
  EXPECT_EQ(ParseCas("58-08-2")->number, "58-08-2");
  EXPECT_EQ(ParseCas("1445583-20-9")->number, "1445583-20-9");
}

TEST(Cas, AllZeroIsNone) {
  EXPECT_EQ(ParseCas("000000-00-0")->kind, Cas::kAbsent);
  EXPECT_EQ(ParseCas("000000-00-0")->number, "");
  EXPECT_EQ(ParseCas("000000-00-1")->kind, Cas::kWrongCheckDigit);
}

TEST(Cas, ADigitOffByOneAndSwappedNeighboursAreSeen) {
  for (const std::string number : {"050-36-2", "42542-10-9", "58-08-2", "1445583-20-9"}) {
    ASSERT_EQ(ParseCas(number)->kind, Cas::kRegistry) << number;
    for (std::size_t i = 0; i < number.size(); ++i) {
      std::string changed = number;
      if (number[i] != '-') changed[i] = number[i] == '9' ? '8' : static_cast<char>(number[i] + 1);
      if (changed != number) {
        EXPECT_EQ(ParseCas(changed)->kind, Cas::kWrongCheckDigit) << changed;
      }
      changed = number;
      const std::size_t next = i + 1 < number.size() && number[i + 1] == '-' ? i + 2 : i + 1;
      if (next + 1 >= number.size() || number[i] == '-') continue;  // the check digit has no weight
      std::swap(changed[i], changed[next]);
      if (changed != number) {
        EXPECT_EQ(ParseCas(changed)->kind, Cas::kWrongCheckDigit) << changed;
      }
    }
  }
}

TEST(Cas, ANumberOfTheLibrarysOwnIsNeverCalledARegistryNumber) {
  EXPECT_EQ(ParseCas("1000406-33-8")->kind, Cas::kLibrary);
  EXPECT_EQ(ParseCas("1000413-72-8")->kind, Cas::kLibrary) << "its check digit is right, and says nothing";
  EXPECT_EQ(ParseCas("1000406-33-8")->number, "1000406-33-8");
}

TEST(Cas, NothingElseHasItsForm) {
  for (const char* text : {"", "0-00-0", "58-8-2", "58-08-22", "5808-2", "12345678-12-3", "58-08-x", " 58-08-2"}) {
    EXPECT_FALSE(ParseCas(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace dims
