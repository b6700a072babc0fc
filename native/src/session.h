// A loaded graph. Inputs that are named like a parameter are bound to the parameter's memory once, for good;
// the others are fed at each run. One run at a time (the caller sees to it). Parameters that stay as they are while the
// graph is open may be given as its fixed values instead: the runtime then keeps a copy laid out for its products,
// which take less time by it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "control.h"
#include "parameters.h"
#include "runtime.h"
#include "tensor.h"

namespace mrt {

/// An input or output as the graph declares it.
struct Port {
  std::string name;
  int type = 0;                        // ort::ElementType, or another of ONNX's numbers
  std::vector<std::int64_t> dims;      // -1 where symbolic
  std::vector<std::string> symbols;    // the symbol there, or empty
};

class Session {
 public:
  struct Options {
    Device device = Device::kCpu;
    ort::OptimizationLevel optimization = ort::kOptimizeAll;
    std::vector<std::string> libraries;  // paths of what the device's provider links to, loaded before it
    std::vector<std::string> fixed;      // parameters, or parts of them, that the graph declares as values in the runtime's own file
    bool hold = true;                    // whether these cannot be changed while the graph is open; otherwise it goes on with what they were
  };

  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  /// Throws Failure bad-model, device-unavailable, wrong-shape, wrong-dtype.
  Session(std::shared_ptr<const Runtime> runtime, const void* model, std::size_t bytes, const Options& options,
          std::shared_ptr<ParameterSet> parameters);

  const std::shared_ptr<const Runtime>& runtime() const { return runtime_; }
  const std::shared_ptr<ParameterSet>& parameters() const { return parameters_; }
  ort::Session* handle() const { return session_.get(); }
  Device device() const { return device_; }
  const std::vector<Port>& inputs() const { return inputs_; }
  const std::vector<Port>& outputs() const { return outputs_; }
  const Port* input(const std::string& name) const;
  const Port* output(const std::string& name) const;
  /// Whether an input is bound to a parameter.
  bool bound(const std::string& name) const;

  /// Adds the bound parameters to a binding.
  void bindParameters(ort::IoBinding* binding) const;

  /**
   * Runs the graph.
   * @param feeds values of the inputs that are not bound
   * @param names wanted outputs
   * @param values one per name: null to let the runtime allocate, or the tensor to write into
   */
  void run(const std::vector<NamedTensor>& feeds, const std::vector<const char*>& names, std::vector<ort::Value*>& values,
           const Control& control) const;

  /// Runs the graph and copies the outputs out.
  std::vector<HostTensor> run(const std::vector<NamedTensor>& feeds, const std::vector<std::string>& names,
                              const Control& control) const;

  /// Copies a tensor the runtime made.
  HostTensor read(ort::Value* value) const;

 private:
  void load(const void* model, std::size_t bytes, const Options& options, bool sharedThreads);
  std::vector<Port> ports(bool inputs) const;
  void bindToParameters();

  std::shared_ptr<const Runtime> runtime_;
  std::shared_ptr<ParameterSet> parameters_;
  Device device_;
  std::unique_ptr<ParameterSet::Hold> hold_;
  std::vector<ort::Owned<ort::Value>> fixedValues_;  // outlive the session
  ort::Owned<ort::Session> session_;
  std::vector<Port> inputs_;
  std::vector<Port> outputs_;
  std::vector<const char*> boundNames_;
  std::vector<ort::Owned<ort::Value>> boundValues_;
};

}  // namespace mrt
