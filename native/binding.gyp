{
  "targets": [
    {
      "target_name": "mrt_native",
      "sources": [
        "src/addon.cc",
        "src/convert.cc",
        "src/job.cc",
        "src/js_parameters.cc",
        "src/js_session.cc",
        "src/machine.cc",
        "src/parameters.cc",
        "src/runtime.cc",
        "src/sample.cc",
        "src/session.cc"
      ],
      "dependencies": ["<!(node -p \"require('node-addon-api').targets\"):node_addon_api_except_all"],
      "defines": ["NAPI_VERSION=8", "NODE_API_NO_EXTERNAL_BUFFERS_ALLOWED"],
      "cflags": ["-O3", "-fvisibility=hidden"],
      "cflags_cc": ["-std=c++17", "-O3", "-fvisibility=hidden", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math", "-Wall", "-Wextra"],
      "cflags_cc!": ["-std=gnu++20", "-std=gnu++17"],
      "xcode_settings": {
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
