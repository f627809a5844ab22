// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "wctrace-benchmarks",
  dependencies: [
    .package(name: "wctrace", path: ".."),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
  ],
  targets: [
    .executableTarget(
      name: "wctrace-bench",
      dependencies: [
        .product(name: "Trace", package: "wctrace"),
        .product(name: "WorldCache", package: "wctrace"),
        .product(name: "WorldModel", package: "wctrace"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
      ])
  ],
  swiftLanguageModes: [.v6]
)
