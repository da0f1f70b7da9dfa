// Printed numbers with exponents, sums of rounded numbers, and the small readings of a report's header.
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "absl/strings/str_format.h"
#include "drivers/gc/lines.h"
#include "drivers/gc/number.h"

namespace dims::gc {
namespace {

Number Of(const std::string& text) {
  const std::optional<Number> number = Number::Parse(text);
  EXPECT_TRUE(number.has_value()) << text;
  return number.value_or(Number{});
}

TEST(AgilentGcNumbers, ANumberIsReadWithItsExponentAndNothingElseIsANumber) {
  for (const auto& [text, units, scale] : {std::tuple("812.44190", int64_t{81244190}, 5),
                                           {"8.32147e4", 832147, 1},
                                           {"4.13070e-1", 413070, 6},
                                           {"1.000e2", 1000, 1},
                                           {"-3.5", -35, 1},
                                           {"12,5", 125, 1},
                                           {"1.5E-05", 15, 6},
                                           {"100", 100, 0},
                                           {"1.2e9", 12, -8},
                                           {"0.000123456789012345", 123456789012345, 18}}) {
    EXPECT_EQ(Of(text).units, units) << text;
    EXPECT_EQ(Of(text).scale, scale) << text;
  }
  for (const char* text : {"", "-", "e4", "1e", "1e4.5", "1.2.3", "12 ", "1e+", "0x1", "1e400", "BB", "1.5e4e4"}) {
    EXPECT_FALSE(Number::Parse(text).has_value()) << text;
  }
}

// How a data system prints a number in ten columns.
std::string Printed(double value) {
  const std::string fixed = absl::StrFormat("%.5f", value);
  return fixed.size() <= 10 && value >= 1 ? fixed : absl::StrFormat("%.5e", value);
}

TEST(AgilentGcNumbers, ATotalOfRoundedNumbersAgreesAndOneWithAWrongDigitDoesNot) {
  std::mt19937_64 random(5);
  for (int i = 0; i < 2000; ++i) {
    Sum sum;
    double total = 0;
    for (int n = 1 + static_cast<int>(random() % 12); n > 0; --n) {
      const double value = std::uniform_real_distribution<double>(0.01, 99999.0)(random);
      total += value;
      sum.Add(Of(Printed(value)));
    }
    const Number stated = Of(Printed(total));
    ASSERT_TRUE(sum.CanBe(stated)) << Printed(total) << " is not " << sum.Text(9);
    // A hundredth more than rounding explains.
    ASSERT_FALSE(sum.CanBe({stated.units + stated.units / 100 + 20, stated.scale}));
  }
}

TEST(AgilentGcNumbers, SumsAreSaidExactly) {
  Sum sum;
  EXPECT_EQ(sum.Text(2), "0.00");
  sum.Add(Of("8.32147e4"));
  sum.Add(Of("0.00001"));
  EXPECT_EQ(sum.Text(5), "83214.70001");
  EXPECT_EQ(sum.Text(0), "83214");
  sum.Add(Of("-90000"));
  EXPECT_EQ(sum.Text(1), "-6785.2");
  sum.Add(Of("1e90"));
  EXPECT_EQ(sum.Text(1), "more than can be added up here");
  EXPECT_TRUE(sum.CanBe(Of("1")));
}

TEST(AgilentGcNumbers, APercentageAgreesIfRoundingCanMakeItSo) {
  EXPECT_TRUE(CanBePercent(Of("98.53107"), Of("8.32147e4"), Of("8.44553e4")));
  EXPECT_FALSE(CanBePercent(Of("98.43107"), Of("8.32147e4"), Of("8.44553e4")));
  EXPECT_TRUE(CanBePercent(Of("0.04310"), Of("36.40218"), Of("8.44553e4")));
  EXPECT_FALSE(CanBePercent(Of("0.04310"), Of("36.50218"), Of("8.44553e4")));
  EXPECT_TRUE(CanBePercent(Of("1.000e2"), Of("812.44190"), Of("812.44190")));
  EXPECT_TRUE(CanBePercent(Of("0.00000"), Of("0.00000"), Of("0.00000")));
  EXPECT_TRUE(CanBePercent(Of("75.0000374999438"), Of("3000.00600000075"), Of("4000.006000001")));
  EXPECT_FALSE(CanBePercent(Of("75.0000374999438"), Of("3000.01600000075"), Of("4000.006000001")));
  EXPECT_TRUE(CanBePercent(Of("-1.5"), Of("-3"), Of("200"))) << "nothing is said against negative peaks";
}

TEST(AgilentGcLines, ADetectorsNameSaysHowItWasMeasuredOrNothingDoes) {
  EXPECT_EQ(TechniqueOf("FID1 A, Front Signal"), dims::v1::TECHNIQUE_GC_FID);
  EXPECT_EQ(TechniqueOf("TCD2 B"), dims::v1::TECHNIQUE_GC);
  EXPECT_EQ(TechniqueOf("DAD1 A, Sig=254,4 Ref=off"), dims::v1::TECHNIQUE_LC_DAD);
  EXPECT_EQ(TechniqueOf("VWD1 A, Wavelength=254 nm"), dims::v1::TECHNIQUE_LC);
  EXPECT_EQ(TechniqueOf("ADC1 A, DAD"), dims::v1::TECHNIQUE_UNSPECIFIED);
  EXPECT_EQ(TechniqueOf("FIDDLE1"), dims::v1::TECHNIQUE_UNSPECIFIED);
  EXPECT_EQ(TechniqueOf(""), dims::v1::TECHNIQUE_UNSPECIFIED);
}

TEST(AgilentGcLines, TheTimeOfAReportIsFoundInAnyCountrysForm) {
  for (const auto& [line, time, page] :
       {std::tuple("Instrument 1 1/15/2026 2:02:44 PM Somebody", "1/15/2026 2:02:44 PM", false),
        {"GC-7 15.01.2026 14:02:44 op1", "15.01.2026 14:02:44", false},
        {"GC 15-Jan-26 11:02:44 AM op1      Page  1 of 12", "15-Jan-26 11:02:44 AM", true},
        {"GC 2026-01-15 kl. 14:02:44 op1", "2026-01-15 kl. 14:02:44", false},
        {"Page  2 of 2", "", true},
        {"GC 1 lundi 24 juillet 2023 21:49:13 op1", "24 juillet 2023 21:49:13", false},
        {"GC 1 Monday, July 24, 2023 9:49:13 PM op1 Page 1 of 2", "July 24, 2023 9:49:13 PM", true},
        {"GC 1 24. Juli 2023 um 21:49 op1", "24. Juli 2023 um 21:49", false},
        {"GC 1 lunes, 24 de julio de 2023 21:49:13", "24 de julio de 2023 21:49:13", false},
        {"GC 1 2023. j\xc3\xbalius 24. 21:49:13 op1", "2023. j\xc3\xbalius 24. 21:49:13", false},
        {"LC 1 15-Jan-26, 13:50:12 op1 Page 3 of 3", "15-Jan-26, 13:50:12", true}}) {
    const std::optional<Stamp> stamp = ParseStamp(line);
    ASSERT_TRUE(stamp.has_value()) << line;
    EXPECT_EQ(stamp->time, time);
    EXPECT_EQ(stamp->page, page) << line;
  }
  for (const char* line :
       {"Instrument 1", "Page 2", "Sample Name: 12:30", "", "see 1.2.3.4", "Page x of 2",
        "Calib. Data Modified  :      1/14/2026 5:02:32 PM", "Calib. Data Modified  :      24 juillet 2023 5:02:32",
        "24 juillet 21:49:13", "Instrument 1 2 2023 21:49:13"}) {
    EXPECT_FALSE(ParseStamp(line).has_value()) << line;
  }
}

TEST(AgilentGcLines, OneLetterMakesNoParameterOfALineThatNamesATrace) {
  for (const char* key : {"Signel 2", "Signl 2", "Signnal 2", "Signal #", "Signal2", "Sig~al 2", "~ignal 2"}) {
    EXPECT_TRUE(ResemblesSignal(key)) << key;
  }
  for (const char* key : {"Sorted By", "Multiplier", "Sample Amount", "Dilution", "Signal", "Uncalibrated Peaks"}) {
    EXPECT_FALSE(ResemblesSignal(key)) << key;
  }
}

TEST(AgilentGcLines, NamesOfFilesAreCarriedWithoutWhatStandsAroundThem) {
  EXPECT_EQ(MethodOf("C:\\Chem32\\1\\METHODS\\SCREEN.M (Sequence Method)"), "SCREEN.M");
  EXPECT_EQ(MethodOf("C:\\Chem32\\1\\METHODS\\SCREEN (new).M"), "SCREEN (new).M");
  EXPECT_EQ(MethodOf("SCREEN.M"), "SCREEN.M");
  EXPECT_EQ(VialOf("Vial 107"), "107");
  EXPECT_EQ(VialOf("  6  (F)"), "6  (F)");
  EXPECT_EQ(VialOf("P1-A3"), "P1-A3");
  EXPECT_EQ(SignalName(" FID1 A, "), "FID1 A");
  EXPECT_EQ(SignalName(" FID1 A,  (C:\\Somebody\\X.D)"), "FID1 A");
}

TEST(AgilentGcLines, OnlyAFactorThatIsTheOnlyOneIsTheFactor) {
  EXPECT_EQ(FactorOf("2.5000", "1.0000"), "2.5000");
  EXPECT_EQ(FactorOf("1.0000", "10.0000"), "10.0000");
  EXPECT_EQ(FactorOf("1", ""), "1");
  EXPECT_EQ(FactorOf("", "4,0000"), "4.0000");
  EXPECT_EQ(FactorOf("2.0000", "10.0000"), "");
  EXPECT_EQ(FactorOf("", ""), "");
}

TEST(AgilentGcLines, OnlyAPathBehindItsKeyBeginsAReport) {
  EXPECT_TRUE(ParseDataFile("Data File C:\\Chem32\\1\\DATA\\X.D").has_value());
  EXPECT_TRUE(ParseDataFile("Data File \\\\server\\data\\X.D").has_value());
  EXPECT_TRUE(ParseDataFile("Data File X.D").has_value());
  EXPECT_TRUE(ParseDataFile("\xc3\xbf Data File X.D")->stray);
  EXPECT_EQ(ParseDataFile("Data File C:\\X.D     Sample Name: A 1")->sample, "A 1");
  for (const char* line : {"Data File : X.D", "Data File Name\tC:\\LabSolutions\\X.gcd", "Data File", "Data File X",
                           "the Data File that was read is C:\\X.D"}) {
    EXPECT_FALSE(ParseDataFile(line).has_value()) << line;
  }
}

}  // namespace
}  // namespace dims::gc
