{
  "targets": [
    {
      "target_name": "mrt_native",
      "sources": [
        "src/addon.cc",
        "src/attention.cc",
        "src/attention_op.cc",
        "src/completion.cc",
        "src/convert.cc",
        "src/decode.cc",
        "src/job.cc",
        "src/js_decoder.cc",
        "src/js_parameters.cc",
        "src/js_session.cc",
        "src/js_trainer.cc",
        "src/layered.cc",
        "src/machine.cc",
        "src/optimizer.cc",
        "src/parameters.cc",
        "src/rows.cc",
        "src/runtime.cc",
        "src/sample.cc",
        "src/session.cc",
        "src/stepper.cc",
        "src/train.cc"
      ],
      "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
      "defines": ["NAPI_VERSION=8", "NODE_API_NO_EXTERNAL_BUFFERS_ALLOWED", "NAPI_CPP_EXCEPTIONS", "NODE_ADDON_API_CPP_EXCEPTIONS_ALL", "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS"],
      "cflags": ["-O3", "-fvisibility=hidden"],
      "cflags_cc": ["-std=c++17", "-O3", "-fvisibility=hidden", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math", "-Wall", "-Wextra"],
      "cflags!": ["-fno-exceptions"],
      "cflags_cc!": ["-fno-exceptions", "-std=gnu++20", "-std=gnu++17"],
      "xcode_settings": {
        "GCC_ENABLE_CPP_EXCEPTIONS": "YES",
        "CLANG_CXX_LANGUAGE_STANDARD": "c++17",
        "MACOSX_DEPLOYMENT_TARGET": "12.0",
        "GCC_SYMBOLS_PRIVATE_EXTERN": "YES",
        "OTHER_CPLUSPLUSFLAGS": ["-ffp-contract=off", "-fno-math-errno"]
      },
      "msvs_settings": {
        "VCCLCompilerTool": { "AdditionalOptions": ["/std:c++17", "/fp:precise", "/EHsc"] }
      },
      "conditions": [
        ["OS=='linux'", { "ldflags": ["-static-libstdc++", "-static-libgcc"], "libraries": ["-ldl", "-lpthread"] }]
      ]
    }
  ]
}
