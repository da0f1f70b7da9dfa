// Waters MassLynx (QuanLynx, TargetLynx) and PerkinElmer TurboMass: "Quantify Compound Summary Report" and "Quantify
// Sample Summary Report", as exported to a file: fields between tabs.
//
//   Quantify Compound Summary Report
//   Printed Tue Jan 20 16:02:11 2026
//   Compound 1:  CAFFEINE
//   <TAB>Name<TAB>Acq.Date<TAB>Acq.Time<TAB>RT<TAB>Area<TAB>Conc.
//   1<TAB>DIMS-260120-01<TAB>20-Jan-26<TAB>11:07:23<TAB>3.20<TAB>4.410<TAB>
//
// By compound, each row is a sample; by sample ("Sample Name: ...   Sample ID: ..."), a compound. Either way an
// analysis of the report is a sample, and its findings are compounds. Columns are the user's choice, in any order: they
// go by their names, and those that have no place here are left out without a word. What people type (Sample Text,
// comments, who changed a peak) is not carried. A cell without a value says nothing. Every block has the columns of the
// one before, but for units, which may be a compound's own.
//
// There is no end marker. Blocks and rows are numbered, every block has the rows of the first, and every row as many
// fields as the header; so a report is whole where its last block is. A row's number is its sample's (or compound's):
// the same name and time in every block, or the row is left out. Users sort: numbers may come in any order, and in
// another one in each block. Where a table begins again and no block has, its rows are left out: names of columns come
// again, or a number; or, after a line that is blank or could not be read, where the block may have ended, a number
// that is not the next of ascending ones, those of the unread lines counted.
//
// Source: real files of MassLynx 4. Lines above the first block other than "Printed" are as others describe them.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "drivers/decimal.h"
#include "drivers/driver.h"
#include "drivers/encoding.h"
#include "drivers/framing.h"
#include "drivers/masslynx/table.h"
#include "drivers/silence.h"
#include "drivers/text.h"

namespace dims {
namespace {

using dims::v1::Analysis;
using masslynx::Header;
using masslynx::Row;

// Short rows would need far more room than their bytes; real ones have 40 and more.
constexpr int kMostRows = 50'000, kMostAnalyses = 5'000;
constexpr std::size_t kLongestName = 128;  // of a compound: every row repeats it

enum class Kind { kByCompound, kBySample };

std::optional<Kind> ParseTitle(absl::string_view text) {
  if (text == "Quantify Compound Summary Report") return Kind::kByCompound;
  if (text == "Quantify Sample Summary Report") return Kind::kBySample;
  return std::nullopt;
}

// Of one block.
struct Rows {
  std::set<int> numbers;
  std::size_t unread = 0;  // their numbers, or what they are, could not be read
  int highest = 0;

  void Add(int number) {
    numbers.insert(number);
    highest = std::max(highest, number);
  }
  std::size_t size() const { return numbers.size() + unread; }
  // How many of the numbers up to the highest are not there, and were in no row that could not be read.
  std::size_t Missing() const {
    const auto due = static_cast<std::size_t>(highest);
    return due > size() ? due - size() : 0;
  }
};

class Summary final : public TextReport {
 public:
  explicit Summary(Kind kind) : kind_(kind) {}

  Verdict Take(const TextLine& line) override {
    const absl::string_view text = absl::StripAsciiWhitespace(line.text);
    if (text.empty()) {
      may_have_ended_ |= rows_.size() > 0;
      return Verdict::kTaken;
    }
    if (ParseTitle(text)) return std::exchange(titled_, true) ? Verdict::kOther : Verdict::kTaken;
    if (line.damaged) Problem(dims::v1::PROBLEM_TYPE_ENCODING, line.at, "bytes that are no text in this encoding");
    if (header_ && absl::ascii_isdigit(static_cast<unsigned char>(line.text[0]))) {
      TakeRow(line);
    } else if (!(line.text[0] == '\t' && TakeHeader(line)) && !TakeBlock(text, line.at) &&
               !(blocks_ == 0 && TakeKey(text))) {
      Problem(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, line.at, "neither a block's head nor a row of its table");
      may_have_ended_ |= rows_.size() > 0;
      ++unread_lines_;
    }
    return all_rows_ > kMostRows || report().analyses_size() > kMostAnalyses ? Verdict::kFull : Verdict::kTaken;
  }

  bool whole() const override { return header_ && (!first_ || rows_.size() >= first_->size()); }

  void Finish(bool complete) override {
    if (complete) CloseBlock();
    // Numbers that no block has are of what the user left out; where there is one block only, nothing tells.
    if (complete && first_ && !confirmed_) {
      if (const std::size_t missing = first_->Missing(); missing > 0) {
        Problem(dims::v1::PROBLEM_TYPE_COUNT_MISMATCH, first_at_,
                absl::StrCat("of the rows 1 to ", first_->highest, " of this block, ", missing, " are not there"));
      }
    }
    for (Analysis& analysis : *report().mutable_analyses()) analysis.set_reported_at_printed(printed_);
  }

 private:
  bool TakeKey(absl::string_view text) {
    if (absl::ConsumePrefix(&text, "Printed")) {
      absl::ConsumePrefix(&text, ":");
      text = absl::StripAsciiWhitespace(text);
      if (text.size() > kLongestName) return false;  // no time is so long
      printed_ = std::string(text);
      return true;
    }
    // Paths and times of the data set, which are not carried.
    for (const absl::string_view key : {"Dataset", "Last Altered", "Method", "Calibration", "Time"}) {
      if (absl::StartsWith(text, key)) return true;
    }
    return false;
  }

  // "Compound 1:  CAFFEINE"; "Sample Name: DIMS-260120-01   Sample ID: 7"
  bool TakeBlock(absl::string_view text, uint64_t at) {
    if (kind_ == Kind::kByCompound) {
      int number = 0;
      const std::size_t colon = text.find(':');
      if (!absl::ConsumePrefix(&text, "Compound ") || colon == absl::string_view::npos ||
          !IsDigits(text.substr(0, colon - 9)) || !absl::SimpleAtoi(text.substr(0, colon - 9), &number)) {
        return false;
      }
      text = absl::StripAsciiWhitespace(text.substr(colon - 8));
      OpenBlock(at);
      left_out_ = text.size() > kLongestName;
      compound_ = left_out_ ? "" : std::string(text);
      if (left_out_) {
        Problem(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, at,
                absl::StrCat("a name of ", text.size(), " bytes; the rows of its compound are left out"));
      }
      if (number != blocks_) {
        Problem(dims::v1::PROBLEM_TYPE_COUNT_MISMATCH, at,
                absl::StrCat("compound ", number, " stands where compound ", blocks_, " is due"));
        blocks_ = number;
      }
      return true;
    }
    if (!absl::ConsumePrefix(&text, "Sample Name:")) return false;
    OpenBlock(at);
    const std::size_t id = text.find("Sample ID:");
    Analysis& analysis = *report().add_analyses();
    analysis.set_data_file(std::string(FileName(absl::StripAsciiWhitespace(text.substr(0, id)))));
    if (id != absl::string_view::npos) {
      analysis.set_sample_number(std::string(absl::StripAsciiWhitespace(text.substr(id + 10))));
    }
    return true;
  }

  void OpenBlock(uint64_t at) {
    CloseBlock();
    ++blocks_;
    block_at_ = at;
    in_block_ = true;
    left_out_ = false;
    header_.reset();
    ForgetRows();
  }

  void ForgetRows() {
    rows_ = {};
    last_row_ = 0;
    ascending_ = true;
    may_have_ended_ = false;
    unread_lines_ = 0;
  }

  // False for what names no column and stands where none is due: a row that has lost its number.
  bool TakeHeader(const TextLine& line) {
    Header header = masslynx::ParseHeader(TabFields(line));
    const bool due = in_block_ && !header_;
    if (!due && !header.NamesAColumn()) return false;
    if (!due) LoseBlock(line.at);
    if (header.doubtful != doubtful_ && !header.doubtful.empty()) {
      Problem(dims::v1::PROBLEM_TYPE_UNIT_UNKNOWN, line.at,
              absl::StrCat("whether column \"", header.doubtful, "\" holds amounts is not known; it is left out"));
    }
    doubtful_ = header.doubtful;
    if (!heads_.empty() && heads_ != header.heads) {
      Problem(dims::v1::PROBLEM_TYPE_INCONSISTENT, line.at, "other columns than those of the block before");
    }
    heads_ = header.heads;
    header_ = std::move(header);
    return true;
  }

  // A table goes on as another one begins: whose rows these are was lost with the head of its block.
  void LoseBlock(uint64_t at) {
    CloseBlock();
    Problem(dims::v1::PROBLEM_TYPE_MISSING, at, "a table whose block has no head; its rows are left out");
    left_out_ = true;
    ForgetRows();
  }

  void CloseBlock() {
    if (!in_block_) return;
    if (!header_) {
      Problem(dims::v1::PROBLEM_TYPE_MISSING, block_at_, absl::StrCat("block ", blocks_, " has no table"));
    } else if (!first_) {
      first_ = std::exchange(rows_, {});
      first_at_ = block_at_;
    } else if (rows_.size() != first_->size()) {
      Problem(dims::v1::PROBLEM_TYPE_COUNT_MISMATCH, block_at_,
              absl::StrCat("block ", blocks_, " has ", rows_.size(), " rows, the first one ", first_->size()));
    } else if (rows_.unread == 0 && first_->unread == 0) {
      confirmed_ |= rows_.numbers == first_->numbers;
      if (rows_.numbers != first_->numbers) {
        Problem(dims::v1::PROBLEM_TYPE_COUNT_MISMATCH, block_at_,
                absl::StrCat("block ", blocks_, " has rows of other numbers than the first one"));
      }
    }
    in_block_ = false;
  }

  void TakeRow(const TextLine& line) {
    const std::vector<absl::string_view> fields = TabFields(line);
    int number = 0;
    const bool fits =
        fields.size() == header_->columns.size() && IsDigits(fields[0]) && absl::SimpleAtoi(fields[0], &number);
    const bool is_next = ascending_ && number == last_row_ + 1 + unread_lines_;
    if (fits && (rows_.numbers.count(number) > 0 || (may_have_ended_ && !is_next))) LoseBlock(line.at);
    if (fits) {
      may_have_ended_ = false;
      unread_lines_ = 0;
      ++all_rows_;
      ascending_ &= number > last_row_;
      last_row_ = number;
      rows_.Add(number);
    } else {
      ++rows_.unread;
      ++unread_lines_;
      may_have_ended_ = true;
    }
    if (left_out_) return;
    std::optional<Row> row = fits ? masslynx::ParseRow(fields, *header_) : std::nullopt;
    if (!row) {
      Problem(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, line.at,
              fits ? "a cell has not the form of its column; the row is left out"
                   : absl::StrCat("a row of ", fields.size(), " fields under a header of ", header_->columns.size()));
      return;
    }
    if (!IsSame(number, *row)) {
      Problem(dims::v1::PROBLEM_TYPE_INCONSISTENT, line.at,
              absl::StrCat("row ", number, " is of another name or time than in a block before; it is left out"));
      return;
    }
    Analysis& analysis =
        kind_ == Kind::kByCompound ? SampleOf(number, *row) : *report().mutable_analyses(report().analyses_size() - 1);
    if (analysis.sample_number().empty()) analysis.set_sample_number(row->sample_id);
    if (analysis.vial().empty()) analysis.set_vial(row->vial);
    if (analysis.acquired_at_printed().empty()) analysis.set_acquired_at_printed(row->acquired);
    if (analysis.calibrated_at_printed().empty()) analysis.set_calibrated_at_printed(row->calibrated);
    row->finding.set_label(kind_ == Kind::kByCompound ? compound_ : row->name);
    *analysis.add_findings() = std::move(row->finding);
  }

  // By compound, a sample has the same number in every block; by sample, a compound.
  bool IsSame(int number, const Row& row) {
    Known& known = known_[number];
    if (known.name.empty()) known.name = row.name;
    if (known.acquired.empty()) known.acquired = row.acquired;
    // A block whose head has lost one of the two columns has only a date, or only a time.
    const bool same_time =
        absl::StrContains(known.acquired, row.acquired) || absl::StrContains(row.acquired, known.acquired);
    return (row.name.empty() || row.name == known.name) && (kind_ == Kind::kBySample || same_time);
  }

  Analysis& SampleOf(int number, const Row& row) {
    const auto [found, is_new] = samples_.try_emplace(number, report().analyses_size());
    Analysis& analysis = is_new ? *report().add_analyses() : *report().mutable_analyses(found->second);
    if (analysis.data_file().empty()) analysis.set_data_file(std::string(FileName(row.name)));
    return analysis;
  }

  struct Known {
    std::string name, acquired;
  };

  const Kind kind_;
  bool titled_ = false;
  std::string printed_;
  std::string compound_;  // of the block, by compound
  int blocks_ = 0;
  uint64_t block_at_ = 0;
  bool in_block_ = false;
  bool left_out_ = false;           // its rows: whose they are is not known
  std::optional<Header> header_;    // of the block
  std::string doubtful_;            // column of the header before
  std::vector<std::string> heads_;  // its columns
  Rows rows_;                       // of the block
  int last_row_ = 0;                // its number, of those that could be read
  int unread_lines_ = 0;            // since then
  bool ascending_ = true;
  bool may_have_ended_ = false;  // the block: a line after its first row was blank, or could not be read
  std::optional<Rows> first_;    // of the first block, once it has ended
  uint64_t first_at_ = 0;
  bool confirmed_ = false;  // another block had the same numbers
  int all_rows_ = 0;
  std::map<int, int> samples_;  // by number: which analysis
  std::map<int, Known> known_;
};

class MassLynx final : public SilenceDecoder {
 public:
  using SilenceDecoder::SilenceDecoder;

 protected:
  std::unique_ptr<TextReport> Recognize(const TextLine& line) override {
    const std::optional<Kind> kind = ParseTitle(absl::StripAsciiWhitespace(line.text));
    return kind ? std::make_unique<Summary>(*kind) : nullptr;
  }
};

constexpr OptionSpec kOptions[] = {kEncodingOption, kIdleTimeoutOption, kEndTimeoutOption};

std::unique_ptr<Decoder> Make(const Options& options) { return std::make_unique<MassLynx>(options); }

}  // namespace

extern const Driver masslynx_driver;
const Driver masslynx_driver = {
    .name = "masslynx",
    .title = "Waters MassLynx, PerkinElmer TurboMass: Quantify Compound and Sample Summary Reports",
    .version = "3",
    .line = {},
    .scan = ScanLine,
    .max_frame = 16 * 1024,
    .max_report = 4 * 1024 * 1024,
    .options = kOptions,
    .make = Make,
    .silence_ends_frame = true,
};

}  // namespace dims
