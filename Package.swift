// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "wctrace",
  products: [
    .library(name: "Trace", targets: ["Trace"]),
    .library(name: "WorldCache", targets: ["WorldCache"]),
    .library(name: "Studies", targets: ["Studies"]),
    .library(name: "WorldModel", targets: ["WorldModel"]),
    .executable(name: "wctrace", targets: ["wctrace"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
  ],
  targets: [
    .systemLibrary(name: "CHDF5", pkgConfig: "hdf5", providers: [.apt(["libhdf5-dev"])]),
    .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
    .target(name: "Trace", dependencies: ["CHDF5", "CZlib", "CZstd"]),
    .target(
      name: "WorldCache", dependencies: ["Trace", .product(name: "Yams", package: "Yams")],
      swiftSettings: [.strictMemorySafety()]),
    .target(
      name: "Studies", dependencies: ["WorldCache", .product(name: "GRDB", package: "GRDB.swift")],
      swiftSettings: [.strictMemorySafety()]),
    .target(
      name: "WorldModel", dependencies: ["Trace", "COpenBLAS"], resources: [.copy("Resources")]),
    .executableTarget(
      name: "wctrace",
      dependencies: [
        "Trace", "WorldCache", "WorldModel", "Studies",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: [.strictMemorySafety()]),
    .target(name: "TestSupport", dependencies: ["Trace"], path: "Tests/TestSupport"),
    .target(
      name: "ModelSupport", dependencies: ["Trace", "WorldModel", "TestSupport"], path: "Tests/ModelSupport"),
    .executableTarget(
      name: "TraceDamage",
      dependencies: [
        "Trace", "TestSupport", .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ], path: "Tests/TraceDamage"),
    .testTarget(name: "TraceTests", dependencies: ["Trace", "TestSupport", "CZstd"]),
    .testTarget(
      name: "WorldCacheTests", dependencies: ["WorldCache", "Trace", "TestSupport"], exclude: ["Fixtures"]),
    .testTarget(
      name: "StudiesTests",
      dependencies: ["Studies", "WorldCache", "TestSupport", .product(name: "GRDB", package: "GRDB.swift")]),
    .testTarget(
      name: "WorldModelTests", dependencies: ["WorldModel", "Trace", "TestSupport", "ModelSupport"],
      resources: [.copy("Reference")]),
    .testTarget(
      name: "LiveTests", dependencies: ["WorldCache", "WorldModel", "Trace", "TestSupport", "ModelSupport"]),
    .testTarget(
      name: "wctraceTests", dependencies: ["wctrace", "Trace", "TestSupport", "TraceDamage"],
      exclude: ["Golden"]),
  ],
  swiftLanguageModes: [.v6]
)

var settings: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]
if Context.environment["CI"] != nil { settings.append(.treatAllWarnings(as: .error)) }
for target in package.targets where target.type != .system {
  target.swiftSettings = (target.swiftSettings ?? []) + settings
}
