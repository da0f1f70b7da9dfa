// NIST MS Search ("SRCRESLT.TXT") and MSPepSearch: what a library search proposes for each of the spectra it was given.
//
//   Unknown: Scan 412                                 Compound in Library Factor = 311
//   Hit 1  : <<NAME>>;<<C8H10N4O2>>; MF: 937; RMF: 948; Prob: 61.25; CAS:0; Mw: 156; Lib: <<mainlib>>; Id: 11; RI: 0.
//
// A search is one report, each spectrum that was searched a finding of it. Names may hold semicolons, colons and
// angle brackets, so what stands between << and >> is taken whole. MSPepSearch writes its command line first, behind
// ">", puts a difference in mass behind the name, "(0.00)", which is left out, and has no RI. Zero for CAS and RI means
// that there is none. There is no end marker, and nothing tells how many hits a spectrum should have: hits are
// numbered, and each ends with a full stop. Hits are never given to the spectrum before theirs: where its line was
// lost, they are a finding without a title.
//
// Source: real files of MS Search; MSPepSearch 0.91 as several independent readers know it.
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "drivers/cas.h"
#include "drivers/decimal.h"
#include "drivers/driver.h"
#include "drivers/encoding.h"
#include "drivers/framing.h"
#include "drivers/silence.h"
#include "drivers/text.h"

namespace dims {
namespace {

using dims::v1::Finding;
using dims::v1::Identification;

constexpr absl::string_view kFactor = "Compound in Library Factor = ";

// A hit has 60 bytes and more; shorter ones would need far more room than their bytes.
constexpr int kMostLines = 40000;

bool IsCommandLine(absl::string_view text) { return absl::StartsWith(text, "> MSPepSearch"); }

struct Unknown {
  absl::string_view title, factor;
  bool whole = false;  // what is not is empty
};
std::optional<Unknown> ParseUnknown(absl::string_view text) {
  if (!absl::ConsumePrefix(&text, "Unknown:")) return std::nullopt;
  const std::size_t at = text.rfind(kFactor);
  if (at == absl::string_view::npos) return Unknown{};
  Unknown unknown{absl::StripAsciiWhitespace(text.substr(0, at)), text.substr(at + kFactor.size()), true};
  if (unknown.factor != "N/A" && !Decimal::Parse(unknown.factor)) {
    unknown.factor = "";
    unknown.whole = false;
  }
  return unknown;
}

// The titles of searched spectra name data files, whose folders are named after people.
absl::string_view WithoutFolder(absl::string_view title) {
  return absl::StrContains(title, '\\') || absl::StrContains(title, ":/") ? FileName(title) : title;
}

// Cuts "<<...>>" off. It ends at the first ">>" behind which `follows` accepts the rest.
template <typename Follows>
std::optional<absl::string_view> CutBracketed(absl::string_view& text, Follows follows) {
  if (!absl::ConsumePrefix(&text, "<<")) return std::nullopt;
  for (std::size_t at = text.find(">>"); at != absl::string_view::npos; at = text.find(">>", at + 1)) {
    const absl::string_view rest = text.substr(at + 2);
    if (!follows(rest)) continue;
    const absl::string_view value = text.substr(0, at);
    text = rest;
    return value;
  }
  return std::nullopt;
}

// What stands between a name and its formula: "(0.00)" or nothing, and a semicolon.
bool CutDifference(absl::string_view& text) {
  absl::ConsumePrefix(&text, " ");
  if (absl::ConsumePrefix(&text, "(")) {
    const std::size_t end = text.find(')');
    if (end == absl::string_view::npos || !Decimal::Parse(text.substr(0, end))) return false;
    text.remove_prefix(end + 1);
  }
  if (!absl::ConsumePrefix(&text, ";")) return false;
  text = absl::StripLeadingAsciiWhitespace(text);
  return absl::StartsWith(text, "<<");
}

struct Hit {
  Identification identification;
  bool unknown_field = false;  // its value is left out
  bool wrong_cas = false;
};

bool IsScore(absl::string_view text) { return IsDigits(text) && text.size() <= 3; }
bool IsNone(absl::string_view text) { return text.find_first_not_of("0-.") == absl::string_view::npos; }

// One "key: value" of a hit; false where the value has not the key's form.
bool TakeField(absl::string_view key, absl::string_view value, Hit& hit) {
  Identification& id = hit.identification;
  if (key == "MF") {
    id.set_score(std::string(value));
    return IsScore(value);
  }
  if (key == "RMF") {
    id.set_reverse_match(std::string(value));
    return IsScore(value);
  }
  if (key == "Lib") {
    id.set_library(std::string(FileName(value)));
    return true;
  }
  if (key == "CAS") {
    if (IsNone(value)) return true;
    const std::optional<Cas> cas = ParseCas(value);
    if (!cas) return false;
    id.set_cas(cas->number);
    hit.wrong_cas = cas->kind == Cas::kWrongCheckDigit;
    return true;
  }
  const bool number = Decimal::Parse(value).has_value();
  if (key == "Prob") {
    id.set_probability(Point(value));
  } else if (key == "Mw") {
    id.set_molecular_weight(Point(value));
  } else if (key == "Id") {
    id.set_reference(std::string(value));
    return IsDigits(value);
  } else if (key == "RI") {
    if (!IsNone(value)) id.set_retention_index(Point(value));
  } else {
    hit.unknown_field = true;
    return true;
  }
  return number;
}

// nullopt where the line is not exactly a hit, or does not end as one.
std::optional<Hit> ParseHit(absl::string_view text) {
  Hit hit;
  Identification& id = hit.identification;
  const std::size_t colon = text.find(':');
  if (!absl::ConsumePrefix(&text, "Hit ") || colon == absl::string_view::npos || !absl::ConsumeSuffix(&text, ".")) {
    return std::nullopt;
  }
  uint32_t rank = 0;
  const absl::string_view number = absl::StripAsciiWhitespace(text.substr(0, colon - 4));
  if (!IsDigits(number) || !absl::SimpleAtoi(number, &rank)) return std::nullopt;
  id.set_rank(rank);
  text = absl::StripLeadingAsciiWhitespace(text.substr(colon - 3));
  const std::optional<absl::string_view> name =
      CutBracketed(text, [](absl::string_view rest) { return CutDifference(rest); });
  // Where bytes were lost, the name of one hit can run into the name of another.
  if (!name || absl::StrContains(*name, "<<") || !CutDifference(text)) return std::nullopt;
  const auto next_field = [](absl::string_view rest) { return rest.empty() || rest[0] == ';'; };
  const std::optional<absl::string_view> formula = CutBracketed(text, next_field);
  if (!formula) return std::nullopt;
  id.set_label(std::string(*name));
  id.set_formula(std::string(*formula));
  id.set_score_kind(dims::v1::SCORE_KIND_NIST_MATCH);
  while (absl::ConsumePrefix(&text, ";")) {
    const std::size_t end_of_key = text.find(':');
    if (end_of_key == absl::string_view::npos) return std::nullopt;
    const absl::string_view key = absl::StripAsciiWhitespace(text.substr(0, end_of_key));
    text = absl::StripLeadingAsciiWhitespace(text.substr(end_of_key + 1));
    std::optional<absl::string_view> value = CutBracketed(text, next_field);
    if (!value) {
      value = absl::StripAsciiWhitespace(text.substr(0, text.find(';')));
      text.remove_prefix(std::min(text.find(';'), text.size()));
    }
    if (!TakeField(key, *value, hit)) return std::nullopt;
  }
  if (!text.empty() || id.score().empty() || id.library().empty() || id.reference().empty()) return std::nullopt;
  return hit;
}

class SearchResult final : public TextReport {
 public:
  Verdict Take(const TextLine& line) override {
    const absl::string_view text = absl::StripAsciiWhitespace(line.text);
    if (text.empty()) return Verdict::kTaken;
    if (line.damaged) Problem(dims::v1::PROBLEM_TYPE_ENCODING, line.at, "bytes that are no text in this encoding");
    if (analysis_ != nullptr && IsCommandLine(text)) return Verdict::kOther;
    whole_ = true;
    if (const std::optional<Unknown> unknown = ParseUnknown(text)) {
      TakeUnknown(*unknown, line.at);
    } else if (analysis_ == nullptr) {
      // A command line is only taken for the beginning of a search where one follows.
      if (!absl::StartsWith(text, ">") || ++lines_ > kMostComments) return Verdict::kOther;
      return Verdict::kTaken;
    } else if (absl::StartsWith(text, ">")) {
      // A remark.
    } else if (std::optional<Hit> hit = ParseHit(text)) {
      TakeHit(*std::move(hit), line.at);
    } else {
      Problem(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, line.at,
              absl::StartsWith(text, "Hit ") ? "this hit is not as hits are written; it is left out"
                                             : "neither a hit nor a searched spectrum");
      whole_ = false;
      stray_ |= !absl::StartsWith(text, "Hit ");
    }
    return ++lines_ > kMostLines ? Verdict::kFull : Verdict::kTaken;
  }

  // A search without a hit is one, too.
  bool whole() const override { return whole_; }
  bool certain() const override { return analysis_ != nullptr; }

 private:
  static constexpr int kMostComments = 16;

  void TakeUnknown(const Unknown& unknown, uint64_t at) {
    if (analysis_ == nullptr) {
      analysis_ = report().add_analyses();
      analysis_->set_technique(dims::v1::TECHNIQUE_MS);
    }
    if (!unknown.whole) {
      Problem(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, at,
              "a searched spectrum is not named as such are; what cannot be read is left out");
    }
    Finding& finding = *analysis_->add_findings();
    finding.set_role(dims::v1::FINDING_ROLE_UNKNOWN);
    finding.set_spectrum_title(std::string(WithoutFolder(unknown.title)));
    if (unknown.factor != "N/A") finding.set_in_library_factor(std::string(unknown.factor));
    hits_ = 0;
    stray_ = false;
  }

  void TakeHit(Hit hit, uint64_t at) {
    const Identification& id = hit.identification;
    // Of a spectrum whose line was lost, or was the one that could not be read.
    if (id.rank() <= hits_ || (id.rank() == 1 && stray_)) {
      Problem(dims::v1::PROBLEM_TYPE_MISSING, at, "hits begin again, and no spectrum that was searched is there");
      TakeUnknown({.title = "", .factor = "", .whole = true}, at);
    }
    if (id.rank() != ++hits_) {
      Problem(dims::v1::PROBLEM_TYPE_COUNT_MISMATCH, at,
              absl::StrCat("hit ", id.rank(), " stands where hit ", hits_, " is due"));
      hits_ = id.rank();
    }
    if (hit.wrong_cas) {
      Problem(dims::v1::PROBLEM_TYPE_INCONSISTENT, at, absl::StrCat("the check digit of CAS ", id.cas(), " is wrong"));
    }
    if (hit.unknown_field && !said_unknown_field_) {
      said_unknown_field_ = true;
      Problem(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, at, "a field of hits is not known; its values are left out");
    }
    *analysis_->mutable_findings(analysis_->findings_size() - 1)->add_identifications() = std::move(hit.identification);
  }

  dims::v1::Analysis* analysis_ = nullptr;  // the report's only one
  uint32_t hits_ = 0;                       // of the last finding
  int lines_ = 0;
  bool whole_ = true;   // the last line was understood
  bool stray_ = false;  // since the last finding, one was not that is no hit
  bool said_unknown_field_ = false;
};

class NistMsSearch final : public SilenceDecoder {
 public:
  using SilenceDecoder::SilenceDecoder;

 protected:
  std::unique_ptr<TextReport> Recognize(const TextLine& line) override {
    const absl::string_view text = absl::StripAsciiWhitespace(line.text);
    const std::optional<Unknown> unknown = ParseUnknown(text);
    return (unknown && unknown->whole) || IsCommandLine(text) ? std::make_unique<SearchResult>() : nullptr;
  }
};

constexpr OptionSpec kOptions[] = {kEncodingOption, kIdleTimeoutOption, kEndTimeoutOption};

std::unique_ptr<Decoder> Make(const Options& options) { return std::make_unique<NistMsSearch>(options); }

}  // namespace

extern const Driver nist_mssearch_driver;
const Driver nist_mssearch_driver = {
    .name = "nist_mssearch",
    .title = "NIST MS Search (SRCRESLT.TXT) and MSPepSearch: hits of library searches",
    .version = "2",
    .line = {},
    .scan = ScanLine,
    .max_frame = 8192,
    .max_report = 4 * 1024 * 1024,
    .options = kOptions,
    .make = Make,
    .silence_ends_frame = true,
};

}  // namespace dims
