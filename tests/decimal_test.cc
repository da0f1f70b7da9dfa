// What is a number, and how exactly it is read.
#include "drivers/decimal.h"

#include <gtest/gtest.h>

#include <string>

namespace dims {
namespace {

TEST(Decimal, LeadingZerosAreNoneOfItsDigits) {
  for (const char* text : {"0.000123456789012345", "000000000000000000000000000012", "0000000.000000000000000000000000",
                           "-0.00000000000000000000000000123456789012345678"}) {
    EXPECT_TRUE(Decimal::Parse(text).has_value()) << text;
  }
  EXPECT_EQ(Decimal::Parse("0.000123456789012345")->units, absl::int128(123456789012345));
  EXPECT_EQ(Decimal::Parse("0.000123456789012345")->scale, 18);
  EXPECT_FALSE(Decimal::Parse("1234567890123456789").has_value());
  EXPECT_FALSE(Decimal::Parse("0.01234567890123456789").has_value());
}

TEST(Decimal, ANumberIsOneHoweverLongItIsAndMayHaveAnExponent) {
  for (const std::string& text :
       {std::string("0"), std::string("-0.35"), std::string("+7."), std::string(".5"), std::string("2.815340e+004"),
        std::string("7,41"), std::string("1E5"), std::string("-1e-12"), std::string(300, '9')}) {
    EXPECT_TRUE(IsNumber(text)) << text;
  }
  for (const char* text : {"", "-", ".", "e5", "1e", "1e+", "1e5.0", "1.2.3", "1,234.5", "12 ", "--5", "0x1", "<5"}) {
    EXPECT_FALSE(IsNumber(text)) << text;
    EXPECT_FALSE(IsZero(text)) << text;
  }
  for (const char* text : {"0", "-0.0", "0,00", "0.000000e+00", "0e7"}) EXPECT_TRUE(IsZero(text)) << text;
  for (const char* text : {"1", "0.01", "1e0"}) EXPECT_FALSE(IsZero(text)) << text;
}

}  // namespace
}  // namespace dims
