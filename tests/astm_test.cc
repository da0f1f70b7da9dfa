// The records of ASTM E1394, real files, and captures as people have them.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "drivers/astm_link.h"
#include "drivers/catalog.h"
#include "tests/corpus.h"
#include "tests/inputs.h"

namespace dims {
namespace {

using dims::v1::Amount;
using dims::v1::Finding;
using dims::v1::Report;

const Driver& Astm() { return *FindDriver("astm"); }

std::vector<Report> Reports(const std::string& bytes, std::vector<std::pair<std::string, std::string>> options = {}) {
  std::vector<Report> reports;
  for (const ParserEvent& event : Parse(Astm(), *Options::Parse(Astm().options, options), bytes).events) {
    if (const Said* said = std::get_if<Said>(&event)) reports.push_back(said->report);
  }
  return reports;
}

std::vector<dims::v1::ProblemType> Types(const Report& report) {
  std::vector<dims::v1::ProblemType> types;
  for (const dims::v1::Problem& problem : report.problems()) types.push_back(problem.type());
  return types;
}
using Problems = std::vector<dims::v1::ProblemType>;

int Findings(const Report& report) {
  int count = 0;
  for (const dims::v1::Analysis& analysis : report.analyses()) count += analysis.findings_size();
  return count;
}

std::string FrameOf(int number, const std::string& text, const std::string& line_end = "\r\n", int error = 0) {
  const std::string body = absl::StrCat(number % 8, text, "\x03");
  unsigned sum = error;
  for (const char c : body) sum += static_cast<unsigned char>(c);
  constexpr char kHex[] = "0123456789ABCDEF";
  return absl::StrCat("\x02", body, std::string(1, kHex[sum / 16 % 16]), std::string(1, kHex[sum % 16]), line_end);
}

const std::vector<std::string> kRecords = {
    "H|\\^&|||READER\r", "P|1||\r", "O|1|S1||^^^FEN\r", "R|1|^^^FEN|7.41|ng/mL\r", "R|2|^^^NOR|1.5|ng/mL\r", "L|1|N\r"};

dims::v1::Finding Read(const std::string& result, std::vector<std::pair<std::string, std::string>> options = {}) {
  const std::vector<Report> reports = Reports("H|\\^&\rO|1|S1\r" + result + "\rL|1\r", options);
  EXPECT_EQ(reports.size(), 1u);
  EXPECT_EQ(Findings(reports[0]), 1);
  return reports[0].analyses(0).findings(0);
}

// --- real files

TEST(AstmRecords, EveryResultOfARealFileIsOneFinding) {
  const auto files = CorpusFiles("astm", ".astm");
  DIMS_SKIP_WITHOUT_CORPUS(files);
  int results = 0;
  for (const std::filesystem::path& path : files) {
    SCOPED_TRACE(path.filename());
    const std::string bytes = FileBytes(path);
    int expected = 0, orders = 0;
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      const bool begins = at == 0 || bytes[at - 1] == '\n' || bytes[at - 1] == '\r';
      expected += begins && bytes.compare(at, 2, "R|") == 0 ? 1 : 0;
      orders += begins && bytes.compare(at, 2, "O|") == 0 ? 1 : 0;
    }
    const std::vector<Report> reports = Reports(bytes);
    ASSERT_EQ(reports.size(), 1u);
    EXPECT_EQ(Findings(reports[0]), expected);
    EXPECT_EQ(reports[0].analyses_size(), orders);
    EXPECT_EQ(reports[0].status(), dims::v1::REPORT_STATUS_FINAL);
    for (const dims::v1::Analysis& analysis : reports[0].analyses()) {
      EXPECT_FALSE(analysis.acquired_at_printed().empty());
      for (const dims::v1::Finding& finding : analysis.findings()) {
        EXPECT_FALSE(finding.label().empty());
        EXPECT_FALSE(finding.amount().value().empty());
        EXPECT_FALSE(finding.amount().unit().empty());
      }
    }
    results += expected;
  }
  std::cerr << files.size() << " real files, " << results << " results\n";
}

TEST(AstmRecords, TheReadersFileThatNumbersItsSamplesInThePatientRecordSaysSo) {
  const auto files = CorpusFiles("astm", "sampleigg.astm");
  DIMS_SKIP_WITHOUT_CORPUS(files);
  const Report plain = Reports(FileBytes(files[0]))[0];
  EXPECT_EQ(Types(plain), Problems(20, dims::v1::PROBLEM_TYPE_MISSING));
  EXPECT_FALSE(absl::StrContains(plain.SerializeAsString(), "TEST-27"));
  const Report told = Reports(FileBytes(files[0]), {{"sample_number", "patient_id"}})[0];
  EXPECT_EQ(told.problems_size(), 0) << told.DebugString();
  EXPECT_EQ(told.analyses(1).sample_number(), "TEST-27-077-5-1");
  EXPECT_EQ(told.analyses(1).findings(0).amount().value(), "7.41");
  EXPECT_EQ(told.analyses(0).findings(0).amount().qualifier(), dims::v1::AMOUNT_QUALIFIER_GREATER_THAN);
}

TEST(AstmRecords, TheHaematologyFileHasDoubledDelimitersAndIsQualityControl) {
  const auto files = CorpusFiles("astm", "yumizen_result.astm");
  DIMS_SKIP_WITHOUT_CORPUS(files);
  const Report report = Reports(FileBytes(files[0]))[0];
  EXPECT_EQ(report.problems_size(), 0) << report.DebugString();
  EXPECT_EQ(report.origin(), dims::v1::ORIGIN_QC_STANDARD);
  EXPECT_EQ(report.analyses(0).sample_number(), "PX449L");
  EXPECT_EQ(report.analyses(0).findings(0).label(), "MCV");
  EXPECT_EQ(report.analyses(0).findings(0).reference_range(), "73.5-83.5^REFERENCE_RANGE");
  EXPECT_FALSE(absl::StrContains(report.SerializeAsString(), "LABOR")) << "the operator";
}

// --- captures

TEST(AstmCaptures, WhateverFollowsTheChecksumAndWithOrWithoutASession) {
  for (const std::string line_end : {"\r\n", "\n", "\r", ""}) {
    for (const bool session : {false, true}) {
      for (const std::string answer : {"", "\x06"}) {
        std::string bytes = session ? "\x05" + answer : "";
        for (int i = 0; const std::string& record : kRecords) bytes += FrameOf(++i, record, line_end) + answer;
        if (session) bytes += "\x04";
        const std::vector<Report> reports = Reports(bytes);
        ASSERT_EQ(reports.size(), 1u) << reports[1].DebugString();
        EXPECT_EQ(reports[0].problems_size(), 0) << reports[0].DebugString();
        EXPECT_EQ(Findings(reports[0]), 2);
      }
    }
  }
}

TEST(AstmCaptures, BareRecordsWithAnyLineEnd) {
  for (const std::string line_end : {"\r\n", "\n", "\r"}) {
    std::string bytes;
    for (const std::string& record : kRecords) bytes += record.substr(0, record.size() - 1) + line_end;
    for (const std::string& last : {std::string(), bytes}) {
      const std::vector<Report> reports = Reports(bytes + last);
      ASSERT_EQ(reports.size(), last.empty() ? 1u : 2u);
      for (const Report& report : reports) {
        EXPECT_EQ(report.problems_size(), 0) << report.DebugString();
        EXPECT_EQ(Findings(report), 2);
      }
    }
    EXPECT_EQ(Reports(bytes.substr(0, bytes.size() - line_end.size()))[0].problems_size(), 0) << "no last line end";
  }
}

TEST(AstmCaptures, AJumpOfTheFrameNumberIsKeptWithAProblem) {
  for (const std::string before : {"", "\x05"}) {
    std::string bytes = before;
    for (int i = 0; const std::string& record : kRecords) {
      ++i;
      if (i != 4) bytes += FrameOf(i, record);
    }
    const std::vector<Report> reports = Reports(bytes + "\x04");
    ASSERT_EQ(reports.size(), 1u);
    EXPECT_EQ(Types(reports[0]), (Problems{dims::v1::PROBLEM_TYPE_SEQUENCE, dims::v1::PROBLEM_TYPE_COUNT_MISMATCH}))
        << reports[0].DebugString();
    EXPECT_EQ(Findings(reports[0]), 1);
  }
}

TEST(AstmCaptures, AWrongChecksumThatNobodyRepairedIsKeptWithAProblem) {
  for (const std::string before : {"", "\x05"}) {
    for (int wrong = 1; wrong <= 6; ++wrong) {
      std::string bytes = before;
      for (int i = 0; const std::string& record : kRecords) {
        ++i;
        bytes += FrameOf(i, record, "\r\n", i == wrong ? 1 : 0);
      }
      const std::vector<Report> reports = Reports(bytes + "\x04");
      ASSERT_EQ(reports.size(), 1u) << wrong;
      EXPECT_EQ(Types(reports[0]), (Problems{dims::v1::PROBLEM_TYPE_CHECKSUM})) << wrong << reports[0].DebugString();
      EXPECT_EQ(Findings(reports[0]), 2) << wrong;
      EXPECT_EQ(reports[0].status(), dims::v1::REPORT_STATUS_PRELIMINARY);
    }
  }
}

TEST(AstmCaptures, AWrongChecksumThatWasRepairedIsNoProblem) {
  std::string bytes;
  for (int i = 0; const std::string& record : kRecords) {
    ++i;
    if (i == 4) bytes += FrameOf(i, record, "\r\n", 1) + "\x15";
    bytes += FrameOf(i, record) + "\x06";
  }
  const std::vector<Report> reports = Reports(bytes);
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].problems_size(), 0) << reports[0].DebugString();
  EXPECT_EQ(Findings(reports[0]), 2);
}

TEST(AstmCaptures, AFileThatEndsInTheMiddleKeepsWhatItHas) {
  std::string bytes;
  for (int i = 0; const std::string& record : kRecords) bytes += FrameOf(++i, record);
  const std::string cut = bytes.substr(0, bytes.find("1.5|") + 2);
  const std::vector<Report> reports = Reports(cut);
  ASSERT_EQ(reports.size(), 1u);
  ASSERT_EQ(Findings(reports[0]), 2);
  EXPECT_FALSE(reports[0].analyses(0).findings(1).has_amount()) << "\"1.\" may be a part of a value";
  EXPECT_EQ(reports[0].status(), dims::v1::REPORT_STATUS_PRELIMINARY);
}

TEST(AstmCaptures, AMessageWithoutItsHeaderSaysSo) {
  const Report report = Reports("O|1|S1\rR|1|^^^FEN|1\rL|1\r")[0];
  EXPECT_EQ(Types(report), (Problems{dims::v1::PROBLEM_TYPE_MISSING}));
  EXPECT_EQ(report.status(), dims::v1::REPORT_STATUS_PRELIMINARY);
}

TEST(AstmCaptures, ASecondHeaderTruncatesTheFirstMessage) {
  const std::string half = kRecords[0] + kRecords[2] + kRecords[3];
  const std::string whole = kRecords[0] + kRecords[2] + kRecords[3] + kRecords[5];
  for (const std::string& bytes : {half + whole, FrameOf(1, half) + FrameOf(2, whole)}) {
    const std::vector<Report> reports = Reports(bytes);
    ASSERT_EQ(reports.size(), 2u);
    EXPECT_EQ(Types(reports[0]), (Problems{dims::v1::PROBLEM_TYPE_TRUNCATED}));
    EXPECT_EQ(reports[1].problems_size(), 0) << reports[1].DebugString();
  }
}

TEST(AstmCaptures, AFrameWithoutRecordsIsKeptAsWhatItIs) {
  const std::vector<Report> reports = Reports(
      "\x02"
      "24/10/29 13:08 ID# 1DC042FP\r Na 131 mmol/L\r\x03");
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(Findings(reports[0]), 0);
  EXPECT_GT(reports[0].problems_size(), 0);
}

TEST(AstmCaptures, EscapedBytesThatAreNoTextAreAProblem) {
  const std::vector<Report> reports =
      Reports("H|\\^&|||READER\rO|1|S1||^^^FEN\rR|1|^^^F&XFF&N|7|ng\rL|1|N\r", {{"encoding", "utf-8"}});
  ASSERT_EQ(reports.size(), 1u);
  ASSERT_EQ(reports[0].problems_size(), 1) << reports[0].DebugString();
  EXPECT_EQ(reports[0].problems(0).type(), dims::v1::PROBLEM_TYPE_ENCODING);
  EXPECT_EQ(reports[0].analyses(0).findings(0).label(), "F\xef\xbf\xbdN");
}

TEST(AstmCaptures, OtherTextIsNoise) {
  const std::vector<Report> reports = Reports("Hello\r\nS 1.0 g\r\nC:\\data\r\n");
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(Types(reports[0]), (Problems{dims::v1::PROBLEM_TYPE_NOISE}));
}

// --- records

TEST(AstmRecords, NothingOfThePatientTheOperatorOrTheCommentsIsCarried) {
  const Report report = Reports(
      "H|\\^&||SECRETPW|READER\rP|1|SECRETA|SECRETB|SECRETC|SECRETD^X|SECRETE|19800101|F||SECRETF\r"
      "C|1|I|SECRETG\rO|1|S1||^^^FEN|||||||||||||SECRETH\rR|1|^^^FEN|1|g|0-1|N||F||SECRETI^SECRETJ|SECRETK\rC|1|I|"
      "SECRETL\r"
      "M|1|SECRETM\rS|1|SECRETN\rL|1|N\r")[0];
  EXPECT_EQ(report.problems_size(), 0) << report.DebugString();
  for (const char* word : {"SECRET", "19800101"}) EXPECT_FALSE(absl::StrContains(report.DebugString(), word));
}

TEST(AstmRecords, TheValueIsTheLastNumericComponentOrTheConfiguredOne) {
  EXPECT_EQ(Read("R|1|^^^FEN|^0.0").amount().value(), "0.0");
  EXPECT_EQ(Read("R|1|^^^FEN|-1^0.282").amount().value(), "0.282");
  EXPECT_EQ(Read("R|1|^^^FEN|-1^0.282").amount().printed(), "-1^0.282");
  EXPECT_EQ(Read("R|1|^^^FEN|0.282^POS").amount().value(), "0.282");
  EXPECT_EQ(Read("R|1|^^^FEN|-1^0.282", {{"value_component", "1"}}).amount().value(), "-1");
  const dims::v1::Amount text = Read("R|1|^^^FEN|POS^x").amount();
  EXPECT_TRUE(text.value().empty());
  EXPECT_EQ(text.printed(), "POS^x");
  EXPECT_TRUE(Read("R|1|^^^FEN|-1^0.282", {{"value_component", "3"}}).amount().value().empty()) << "never another one";
  EXPECT_EQ(Read("R|1|^^^FEN|NOT DETECTED^").amount().qualifier(), dims::v1::AMOUNT_QUALIFIER_NOT_DETECTED);
}

TEST(AstmRecords, OnlyANumberIsAValue) {
  for (const char* number : {"1", "-1.5", "+0", ".5", "7.", "1.2E+03", "0.00"}) {
    EXPECT_EQ(Read(absl::StrCat("R|1|^^^FEN|", number)).amount().value(), number);
  }
  for (const char* text : {"1:160", "1.2.3", "1,234.5", "++", "8 H", "E5", "<", "12-13", "--"}) {
    EXPECT_EQ(Read(absl::StrCat("R|1|^^^FEN|", text)).amount().value(), "") << text;
    EXPECT_EQ(Read(absl::StrCat("R|1|^^^FEN|", text)).amount().printed(), text);
  }
  EXPECT_EQ(Read("R|1|^^^FEN|>= 1,5").amount().value(), "1.5");
  EXPECT_EQ(Read("R|1|^^^FEN|>= 1,5").amount().printed(), ">= 1,5");
}

TEST(AstmRecords, TheLabelIsTheMakersCodeOrTheWholeTest) {
  EXPECT_EQ(Read("R|1|^^^FEN^787-2|1").label(), "FEN");
  EXPECT_EQ(Read("R|1|FEN^x|1").label(), "FEN^x");
  EXPECT_EQ(Read("R|1|^^^|1").label(), "^^^");
}

TEST(AstmRecords, EscapesAreWhatTheyStandFor) {
  EXPECT_EQ(Read("R|1|^^^A&F&B&S&C&R&D&E&E|1").label(), "A|B^C\\D&E");
  EXPECT_EQ(Read("R|1|^^^A&X41B5&B|1").label(), "AA\u00b5B");
  EXPECT_EQ(Read("R|1|^^^A&B|1").label(), "A&B");
  EXPECT_EQ(Read("R|1|^^^A&Q&B&X4&|1").label(), "A&Q&B&X4&");
}

TEST(AstmRecords, TheEndOfTheTestGoesBeforeItsStartAndTheOrder) {
  const auto at = [](const std::string& order, const std::string& result) {
    return Reports("H|\\^&\r" + order + "\r" + result + "\rL|1\r")[0].analyses(0).acquired_at_printed();
  };
  EXPECT_EQ(at("O|1|S||^^^F||20260101", "R|1|^^^F|1|||||F|||20260102|20260103"), "20260103");
  EXPECT_EQ(at("O|1|S||^^^F||20260101", "R|1|^^^F|1|||||F|||20260102"), "20260102");
  EXPECT_EQ(at("O|1|S||^^^F||20260101", "R|1|^^^F|1"), "20260101");
}

TEST(AstmRecords, TheSpecimenIsTheFirstOfTheOrdersThatIsThere) {
  const auto sample = [](const std::string& order) {
    return Reports("H|\\^&\r" + order + "\rL|1\r")[0].analyses(0).sample_number();
  };
  EXPECT_EQ(sample("O|1|S1|I1"), "S1");
  EXPECT_EQ(sample("O|1||I1^2^3"), "I1");
  EXPECT_EQ(sample("O|1"), "");
}

TEST(AstmRecords, TheSpecimenIsWhereTheConfigurationSaysAndNowhereElse) {
  const auto sample = [](const std::string& place, const std::string& records) {
    return Reports("H|\\^&\r" + records + "\rL|1\r", {{"sample_number", place}})[0].analyses(0).sample_number();
  };
  const std::string records = "P|1|A1^A2|B1^B2\rO|1|S1^S2^S3^S4|I1^I2^I3^I4";
  for (const auto& [place, expected] : {std::pair{"order", "S1"},
                                        {"patient_id", "S1"},
                                        {"O3.1", "S1"},
                                        {"O3.2", "S2"},
                                        {"O3.4", "S4"},
                                        {"O4.1", "I1"},
                                        {"O4.3", "I3"},
                                        {"P3.1", "A1"},
                                        {"P3.2", "A2"},
                                        {"P4.1", "B1"},
                                        {"P4.2", "B2"}}) {
    EXPECT_EQ(sample(place, records), expected) << place;
    EXPECT_EQ(sample(place, "P|1|\rO|1"), "") << place;
  }
  EXPECT_EQ(sample("patient_id", "P|1|A1|B1\rO|1"), "B1");
  EXPECT_EQ(sample("O3.2", "P|1|A1|B1\rO|1|S1|I1^I2"), "");
}

TEST(AstmRecords, ANumberThatIsNotWhereItIsLookedForIsAProblemThatSaysWhatToDo) {
  for (const std::string order : {"O|1|^^0113", "O|1||^0113", "P|1|0113\rO|1", "P|1||0113\rO|1"}) {
    const Report report = Reports("H|\\^&\r" + order + "\rL|1\r")[0];
    ASSERT_EQ(Types(report), (Problems{dims::v1::PROBLEM_TYPE_MISSING})) << order;
    EXPECT_TRUE(absl::StrContains(report.problems(0).message(), "set sample_number")) << order;
    EXPECT_FALSE(absl::StrContains(report.SerializeAsString(), "0113")) << order;
  }
}

TEST(AstmRecords, WhatATestsIdSaysBesideTheLabelIsKept) {
  EXPECT_EQ(Read("R|1|^^^AFP|3.7").test_id(), "");
  EXPECT_EQ(Read("R|1|^^^AFP^^|3.7").test_id(), "");
  EXPECT_EQ(Read("R|1|^^^^WBC^1|3.7").label(), "^^^^WBC^1");
  EXPECT_EQ(Read("R|1|^^^^WBC^1|3.7").test_id(), "");
  EXPECT_EQ(Read("R|1|AFP^^^|3.7").label(), "AFP");
  const Finding cut_off = Read("R|1|^^^AFP^^^1^COFF|1.0|ng/mL");
  EXPECT_EQ(cut_off.label(), "AFP");
  EXPECT_EQ(cut_off.test_id(), "^^^AFP^^^1^COFF");
  const Finding first = Read("R|1|ALT^Alanine transferase^^F|67.9", {{"label_component", "1"}});
  EXPECT_EQ(first.label(), "ALT");
  EXPECT_EQ(first.test_id(), "ALT^Alanine transferase^^F");
}

TEST(AstmRecords, OfSeveralNumbersNoneIsTakenForTheValueUnlessTheFirstIsAVerdict) {
  EXPECT_EQ(Read("R|1|^^^F|-1^0.567").amount().value(), "0.567");
  EXPECT_EQ(Read("R|1|^^^F|1^0").amount().value(), "0");
  EXPECT_EQ(Read("R|1|^^^F|50^3+").amount().value(), "50");
  for (const std::string value :
       {"17.5^2^Positive^1.3", "0^0^Negative^1.3", "1^1^1.3", "0^2^x", "<1^2.0", "0.5^1", "0.5^<"}) {
    const Report report = Reports("H|\\^&\rO|1|S\rR|1|^^^F|" + value + "|kU/L\rL|1\r")[0];
    EXPECT_EQ(Types(report), (Problems{dims::v1::PROBLEM_TYPE_INCONSISTENT})) << value;
    const Amount& amount = report.analyses(0).findings(0).amount();
    EXPECT_EQ(amount.value(), "") << value;
    EXPECT_EQ(amount.qualifier(), dims::v1::AMOUNT_QUALIFIER_UNSPECIFIED) << value;
    EXPECT_EQ(amount.printed(), value);
  }
  EXPECT_EQ(Read("R|1|^^^F|<^0.5").amount().qualifier(), dims::v1::AMOUNT_QUALIFIER_LESS_THAN);
  EXPECT_EQ(Read("R|1|^^^F|>^100").amount().value(), "100");
  EXPECT_EQ(Read("R|1|^^^F|<^low").amount().value(), "");
  EXPECT_EQ(Read("R|1|^^^F|17.5^2^Positive^1.3", {{"value_component", "1"}}).amount().value(), "17.5");
}

TEST(AstmRecords, WhatIsOffTheInstrumentsScaleIsNoMeasuredNumber) {
  EXPECT_EQ(Read("R|1|^^^F|5.0|g/L||>").amount().qualifier(), dims::v1::AMOUNT_QUALIFIER_ABOVE_RANGE);
  EXPECT_EQ(Read("R|1|^^^F|1.2|g/L||L\\<").amount().qualifier(), dims::v1::AMOUNT_QUALIFIER_BELOW_CALIBRATION);
  EXPECT_EQ(Read("R|1|^^^F|<1.2|g/L||<").amount().qualifier(), dims::v1::AMOUNT_QUALIFIER_LESS_THAN);
  EXPECT_EQ(Read("R|1|^^^F|1.2|g/L||H").amount().qualifier(), dims::v1::AMOUNT_QUALIFIER_EQUAL);
  EXPECT_FALSE(Read("R|1|^^^F||g/L||>").has_amount());
}

TEST(AstmRecords, DelimitersAloneSayNothing) {
  const Finding finding = Read("R|1|^^^F|^|U/L|^\\^|N");
  EXPECT_FALSE(finding.has_amount());
  EXPECT_EQ(finding.reference_range(), "");
}

TEST(AstmRecords, OrdersOfQualityControlMakeAMessageOneOfQualityControl) {
  const auto report = [](const std::string& records) { return Reports("H|\\^&\r" + records + "\rL|1\r")[0]; };
  const std::string control = "O|1|C1|||||||||Q\rR|1|^^^F|1", sample = "O|2|S1\rR|1|^^^F|1";
  EXPECT_EQ(report(control).origin(), dims::v1::ORIGIN_QC_STANDARD);
  EXPECT_EQ(report(sample).origin(), dims::v1::ORIGIN_UNSPECIFIED);
  const Report mixed = report(control + "\r" + sample);
  EXPECT_EQ(mixed.origin(), dims::v1::ORIGIN_UNSPECIFIED) << "a sample's finding may be urgent";
  EXPECT_EQ(Types(mixed), (Problems{dims::v1::PROBLEM_TYPE_INCONSISTENT}));
  EXPECT_EQ(mixed.problems(0).offset(), 7 + control.size());
}

TEST(AstmRecords, QualityControlHidesNoSampleThatCameWithIt) {
  const auto origin = [](const std::string& records) { return Reports(records)[0].origin(); };
  const auto frame = [](const std::string& text) {
    const std::string body = "1" + text + "\x03";
    unsigned sum = 0;
    for (const char c : body) sum += static_cast<unsigned char>(c);
    return "\x05\x02" + body + absl::StrFormat("%02X", sum % 256) + "\r\n\x04";
  };
  const std::string control = "H|\\^&||||||||||Q\rO|1|C1\rR|1|^^^F|1\rL|1\r",
                    sample = "H|\\^&||||||||||P\rO|1|S1\rR|1|^^^F|1\rL|1\r";
  EXPECT_EQ(origin(frame(control + control)), dims::v1::ORIGIN_QC_STANDARD);
  EXPECT_EQ(origin(frame(control + sample)), dims::v1::ORIGIN_UNSPECIFIED);
  EXPECT_EQ(origin(frame(sample + control)), dims::v1::ORIGIN_UNSPECIFIED);
  // The order of a sample was lost.
  const Report lost = Reports("H|\\^&\rO|1|C1|||||||||Q\rR|1|^^^F|1\rR|1|^^^F|2\rL|1\r")[0];
  EXPECT_EQ(lost.origin(), dims::v1::ORIGIN_UNSPECIFIED);
  EXPECT_EQ(lost.analyses(0).sample_number(), "C1");
  EXPECT_EQ(lost.analyses(1).sample_number(), "");
  EXPECT_EQ(Types(lost), (Problems{dims::v1::PROBLEM_TYPE_COUNT_MISMATCH}));
}

TEST(AstmRecords, ALostPatientGivesNoNumberToTheNextOrder) {
  for (const std::string place : {"patient_id", "P4.1"}) {
    const Report report = Reports("H|\\^&\rP|1||A\rO|1\rO|2\rO|1\rP|2||B\rO|1\rL|1\r", {{"sample_number", place}})[0];
    EXPECT_EQ(Types(report), (Problems{dims::v1::PROBLEM_TYPE_MISSING})) << place;
    EXPECT_EQ(report.analyses(1).sample_number(), "A");
    EXPECT_EQ(report.analyses(2).sample_number(), "");
    EXPECT_EQ(report.analyses(2).sample_number_source(), "");
    EXPECT_EQ(report.analyses(3).sample_number(), "B");
    const Report from_zero = Reports("H|\\^&\rP|0||A\rO|0\rL|1\r", {{"sample_number", place}})[0];
    EXPECT_EQ(from_zero.analyses(0).sample_number(), "A") << "who counts from 0 has lost nothing";
  }
}

TEST(AstmRecords, WhatIsNoTimeIsNotCarriedAsOne) {
  const auto at = [](const std::string& time) {
    return Reports("H|\\^&\rO|1|S\rR|1|^^^F|1||||||||" + time + "\rL|1\r")[0].analyses(0).acquired_at_printed();
  };
  EXPECT_EQ(at("00100"), "");
  EXPECT_EQ(at("A. Person"), "");
  EXPECT_EQ(at("20260114"), "20260114");
}

TEST(AstmRecords, WhatTheInstrumentCallsBrokenOffPreliminaryOrWrongIsNotFinal) {
  EXPECT_EQ(Types(Reports("H|\\^&\rL|1|T\r")[0]), (Problems{dims::v1::PROBLEM_TYPE_TRUNCATED}));
  EXPECT_EQ(Types(Reports("H|\\^&\rL|1|E\r")[0]), (Problems{dims::v1::PROBLEM_TYPE_INSTRUMENT}));
  EXPECT_EQ(Reports("H|\\^&\rO|1|S\rR|1|^^^F|1|||||P\rL|1\r")[0].status(), dims::v1::REPORT_STATUS_PRELIMINARY);
  EXPECT_EQ(Reports("H|\\^&\rO|1|S\rR|1|^^^F|1|||||P\\R\rL|1\r")[0].status(), dims::v1::REPORT_STATUS_PRELIMINARY);
}

TEST(AstmRecords, ALostResultIsACountProblem) {
  EXPECT_EQ(Types(Reports("H|\\^&\rO|1|S\rR|1|^^^F|1\rR|3|^^^F|1\rL|1\r")[0]),
            (Problems{dims::v1::PROBLEM_TYPE_COUNT_MISMATCH}));
  EXPECT_EQ(Reports("H|\\^&\rO|1|S\rR|1|^^^F|1\rO|2|S\rR|2|^^^F|1\rO|3|S\rR|1|^^^F|1\rL|1\r")[0].problems_size(), 0);
}

TEST(AstmRecords, NumbersThatCountOnOverMessagesBeginWhereTheyLike) {
  const auto types = [](const std::string& numbers) {
    return Types(Reports("H|\\^&\rP|796\rO|796|S\rR|241|^^^F|1\rR|" + numbers + "|^^^G|1\rL|1\r")[0]);
  };
  EXPECT_EQ(types("242"), Problems{});
  EXPECT_EQ(types("243"), (Problems{dims::v1::PROBLEM_TYPE_COUNT_MISMATCH}));
}

TEST(AstmRecords, AResultWithoutAnOrderIsKept) {
  const Report report = Reports("H|\\^&\rP|1\rR|1|^^^F|1\rL|1\r")[0];
  EXPECT_EQ(Types(report), (Problems{dims::v1::PROBLEM_TYPE_MISSING}));
  EXPECT_EQ(Findings(report), 1);
}

TEST(AstmRecords, AHeaderWithoutItsDelimitersIsAProblem) {
  for (const char* header : {"H|", "H|\\|", "H|^^^|"}) {
    const Report report = Reports(absl::StrCat(header, "\rO|1|S\rR|1|^^^F|1\rL|1\r"))[0];
    EXPECT_EQ(Types(report), (Problems{dims::v1::PROBLEM_TYPE_INCONSISTENT})) << header;
    EXPECT_EQ(Findings(report), 1);
  }
}

}  // namespace
}  // namespace dims
