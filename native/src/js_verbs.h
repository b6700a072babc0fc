// The verbs that JavaScript may call, by noun. addon.cc lists them; the js_*.cc files hold them. A verb converts its
// arguments to plain structs, calls the plain C++ part (in a job if it may take longer than a copy), converts back.
#pragma once

#include <napi.h>

#include <functional>
#include <memory>

#include "session.h"

namespace mrt::js {

using Verb = Napi::Value(const Napi::CallbackInfo&);

/// {device, optimization}
Session::Options toSessionOptions(const Napi::Value& value);

/// (runtime, model bytes, session options, parameters or undefined) -> a function that loads the graph; call it in a job.
std::function<std::shared_ptr<Session>(Control&)> sessionLoader(const Napi::CallbackInfo& info);

// Runtime and machine
Verb openRuntime, disposeRuntime, describeRuntime, philoxBlock;

// Parameters
Verb createParameters, disposeParameters, setParameter, getParameter, snapshotParameters, loadParameters, copyParameters,
    lerpParameters, cloneParameters, checksumParameters, parametersBytes, parametersChanges;

// Sessions
Verb createSession, disposeSession, describeSession, runSession;

// Decoders
Verb createDecoder, disposeDecoder, forgetDecoder, decoderBytes, generate, drawTokens;

// Trainers
Verb createTrainer, createLayeredTrainer, disposeTrainer, describeTrainer, trainStep, layeredStep, trainerGradients, trainerState, loadTrainerState;

}  // namespace mrt::js
