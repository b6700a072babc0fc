// Every export of the addon, by noun. `guarded` turns what a verb throws into an Error with a `code`.
#include <napi.h>

#include "convert.h"
#include "job.h"
#include "js_verbs.h"

namespace {

using mrt::guarded;
namespace js = mrt::js;

struct Export {
  const char* name;
  Napi::Value (*verb)(const Napi::CallbackInfo&);
};

constexpr Export kExports[] = {
    {"openRuntime", guarded<js::openRuntime>},
    {"disposeRuntime", guarded<js::disposeRuntime>},
    {"describeRuntime", guarded<js::describeRuntime>},
    {"philoxBlock", guarded<js::philoxBlock>},

    {"createParameters", guarded<js::createParameters>},
    {"disposeParameters", guarded<js::disposeParameters>},
    {"setParameter", guarded<js::setParameter>},
    {"getParameter", guarded<js::getParameter>},
    {"snapshotParameters", guarded<js::snapshotParameters>},
    {"loadParameters", guarded<js::loadParameters>},
    {"copyParameters", guarded<js::copyParameters>},
    {"lerpParameters", guarded<js::lerpParameters>},
    {"cloneParameters", guarded<js::cloneParameters>},
    {"checksumParameters", guarded<js::checksumParameters>},
    {"parametersBytes", guarded<js::parametersBytes>},
    {"parametersChanges", guarded<js::parametersChanges>},

    {"createSession", guarded<js::createSession>},
    {"disposeSession", guarded<js::disposeSession>},
    {"describeSession", guarded<js::describeSession>},
    {"runSession", guarded<js::runSession>},

    {"createDecoder", guarded<js::createDecoder>},
    {"disposeDecoder", guarded<js::disposeDecoder>},
    {"forgetDecoder", guarded<js::forgetDecoder>},
    {"decoderBytes", guarded<js::decoderBytes>},
    {"generate", guarded<js::generate>},
    {"drawTokens", guarded<js::drawTokens>},

    {"createTrainer", guarded<js::createTrainer>},
    {"createLayeredTrainer", guarded<js::createLayeredTrainer>},
    {"disposeTrainer", guarded<js::disposeTrainer>},
    {"describeTrainer", guarded<js::describeTrainer>},
    {"trainStep", guarded<js::trainStep>},
    {"layeredStep", guarded<js::layeredStep>},
    {"trainerGradients", guarded<js::trainerGradients>},
    {"trainerState", guarded<js::trainerState>},
    {"loadTrainerState", guarded<js::loadTrainerState>},
};

Napi::Object initialise(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new mrt::Environment(env));
  for (const Export& entry : kExports) exports.Set(entry.name, Napi::Function::New(env, entry.verb, entry.name));
  return exports;
}

}  // namespace

NODE_API_MODULE(mrt_native, initialise)
