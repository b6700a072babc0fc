// The weights of a model: named tensors in one flat block, each starting on a 64-byte line. Numbers go in and come out as fp32; tensors that
// never train may be held in 16 bits (fp16 or bf16), rounded to the nearest when they are set, or in blocks of 4 bits with a scale and an
// offset for each. A matrix in blocks is `<name>`, and `<name>/blocks` as bytes, as the two operators that read such matrices want it; `<name>/scales` and
// `<name>/offsets` are those of its blocks.
// Sessions read this memory in place, so a change is seen by the next run of every session bound to it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "buffer.h"
#include "ort_abi.h"

namespace mrt {

struct ParameterSpec {
  std::string name;
  std::vector<std::int64_t> dims;
  bool decay = false;
  ort::ElementType type = ort::kFloat32;  // or kFloat16, kBFloat16, kUint4 for blocks
};

/// Numbers along a row that share a scale where they are held in 4 bits.
constexpr std::size_t kBlock = 32;

/// Where each of a list of tensors lies in a flat aligned block. Offsets are in floats, counts in elements.
class Layout {
 public:
  struct Slice {
    std::string name;
    std::vector<std::int64_t> dims;
    bool decay = false;
    ort::ElementType type = ort::kFloat32;
    std::size_t offset = 0;
    std::size_t count = 0;

    std::size_t bytes() const {
      switch (type) {
        case ort::kFloat32: return count * 4;
        case ort::kUint4: return (count + 1) / 2;
        case ort::kUint8: return count;
        default: return count * 2;
      }
    }
  };

  /// Throws Failure bad-argument on a name that occurs twice, wrong-shape for blocks that do not fill the rows of a matrix.
  explicit Layout(const std::vector<ParameterSpec>& specs);

  const std::vector<Slice>& slices() const { return slices_; }
  /// A tensor, or a part of one in blocks; null when there is neither.
  const Slice* find(const std::string& name) const;
  /// Floats in the block, padding included.
  std::size_t extent() const { return extent_; }
  /// Numbers that mean something.
  std::size_t elements() const { return elements_; }

  /// Widens a tensor of a block to `count` floats, and rounds floats to what it is held in. Throws Failure bad-argument for a number beyond the range of fp16, or in blocks none at all.
  static void read(const Slice& slice, const float* block, float* dense);
  static void write(const Slice& slice, const float* dense, float* block);
  /// Copies a block to a dense array of `elements()` floats (slices in order, no padding) and back.
  void pack(const float* block, float* dense) const;
  void unpack(const float* dense, float* block) const;

 private:
  std::vector<Slice> slices_;
  std::unordered_map<std::string, Slice> parts_;
  std::unordered_map<std::string, std::size_t> index_;
  std::size_t extent_ = 0;
  std::size_t elements_ = 0;
};

class ParameterSet {
 public:
  /// Keeps tensors from being changed for as long as a copy of them, laid out in another way, is in use. Any thread.
  class Hold {
   public:
    /// @param names of tensors, or of parts of them
    Hold(std::shared_ptr<ParameterSet> set, const std::vector<std::string>& names);
    ~Hold();
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;

   private:
    std::shared_ptr<ParameterSet> set_;
    std::vector<std::string> names_;
  };

  explicit ParameterSet(std::shared_ptr<const Layout> layout) : layout_(std::move(layout)), block_(layout_->extent()) {}

  const std::shared_ptr<const Layout>& layout() const { return layout_; }
  /// Where a tensor begins; floats only where it is held as such.
  float* at(const Layout::Slice& slice) { return block_.data() + slice.offset; }
  const float* at(const Layout::Slice& slice) const { return block_.data() + slice.offset; }
  float* data() { return block_.data(); }
  const float* data() const { return block_.data(); }
  std::size_t bytes() const { return block_.bytes(); }

  void copyFrom(const ParameterSet& other);
  /// this += t (other - this), element by element. Throws Failure wrong-dtype where a tensor is held in 16 bits.
  void lerpFrom(const ParameterSet& other, float t);
  /// FNV-1a over the 32-bit words of all slices in order, widened to fp32: equal weights, equal checksum, on any machine.
  std::uint64_t checksum() const;

  /// Throws Failure busy where a tensor, or with null any of them, is held as it is.
  void expectFree(const Layout::Slice* slice) const;

  /// Jobs that read or write this memory right now. Counted on the JavaScript thread only.
  int readers = 0;
  int writers = 0;
  /// Times that these weights may have been changed; what was computed of them at another count may be out of date. Counted there too.
  std::uint64_t changes = 0;

 private:
  std::shared_ptr<const Layout> layout_;
  Buffer<float> block_;
  mutable std::mutex holding_;
  std::unordered_map<std::string, int> held_;  // by the name of the tensor
};

}  // namespace mrt
