FROM docker.io/library/node:24-bookworm-slim AS build
WORKDIR /sluice
# The dependencies first: their layer stays while only the source changes.
COPY package.json package-lock.json tsconfig.json .npmrc ./
RUN npm ci
COPY src src
COPY tools tools
RUN node tools/build.ts

# No shell and no package manager; its licence and those of what is bundled go with it.
FROM gcr.io/distroless/nodejs24-debian12:nonroot
COPY --from=build /sluice/dist/sluice.mjs /sluice/dist/sluice.mjs.LEGAL.txt /
COPY LICENSE /
USER 65532:65532
EXPOSE 8080
# Measured (bench/README.md): a small young generation, a heap that grows in small steps and one arena of malloc take a
# third off its memory, since what it makes is short-lived or kept for good.
ENV MALLOC_ARENA_MAX=1
ENTRYPOINT ["/nodejs/bin/node", "--max-semi-space-size=1", "--optimize-for-size", "/sluice.mjs"]
CMD ["run"]
